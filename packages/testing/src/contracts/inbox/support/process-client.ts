import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

import type { InboxSubject } from '../inbox-subject.ts';
import type { ProcessMessage, ProcessRequests } from './contract-process.ts';

/** A process that shares the inbox, as the contract sees it. */
export interface ContractProcess {
  request<Name extends keyof ProcessRequests>(
    name: Name,
    ...args: Parameters<ProcessRequests[Name]>
  ): Promise<ReturnType<ProcessRequests[Name]>>;
  /** What it has reported so far, in order. */
  readonly messages: readonly ProcessMessage[];
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void;
  hasExited(): boolean;
}

/** Runs `work`, and ends the processes that it has started. */
export async function withProcesses(
  { startProcess }: InboxSubject,
  work: (start: () => Promise<ContractProcess>) => Promise<void>,
): Promise<void> {
  const started: { end(): Promise<void> }[] = [];
  const start = async () => {
    assert.ok(startProcess);
    const child = await startProcess();
    const exited = once(child, 'exit');
    started.push({
      async end() {
        child.kill('SIGKILL');
        await exited;
      },
    });
    return connect(child);
  };
  try {
    await work(start);
  } finally {
    await Promise.all(started.map((one) => one.end()));
  }
}

type Child = Awaited<ReturnType<NonNullable<InboxSubject['startProcess']>>>;

async function connect(child: Child): Promise<ContractProcess> {
  const messages: ProcessMessage[] = [];
  const responses = new Map<number, (value: unknown) => void>();
  let requests = 0;
  child.on('message', (message) => {
    const received = message as ProcessMessage;
    if (received.type === 'response') responses.get(received.id)?.(received.value);
    else messages.push(received);
  });
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  await until('the process is ready', () => {
    assert.ok(!hasExited(), 'the process of the contract ended before it was ready');
    return messages.some(({ type }) => type === 'ready');
  });
  return {
    messages,
    hasExited,
    signal: (name) => void child.kill(name),
    request(name, ...args) {
      requests += 1;
      const id = requests;
      const response = new Promise<unknown>((resolve) => responses.set(id, resolve));
      child.send({ id, name, args });
      return response as never;
    },
  };
}

/** Waits in real time, for 25 s or longer. */
export async function until(
  expected: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  for (let tries = 0; tries < 2500; tries += 1) {
    if (await condition()) return;
    await pause(10);
  }
  assert.fail(`not reached: ${expected}`);
}
