import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { now, type Write } from './history.ts';
import type { Answer, Questions, VictimOptions } from './protocol.ts';

/** How a victim ended: killed, closed as it was asked to, or of its own, which it must not. */
type End = 'killed' | 'closed' | 'broken';

/** A victim, as seen from the process that kills it. */
export interface VictimProcess {
  readonly name: string;
  /** Where it listens; `null` when it died before. */
  readonly port: Promise<number | null>;
  readonly ended: Promise<End>;
  isAlive(): boolean;
  /** Rejects when it dies before it answers. */
  ask<Name extends keyof Questions>(
    name: Name,
    ...args: Parameters<Questions[Name]>
  ): Promise<ReturnType<Questions[Name]>>;
  kill(): Promise<void>;
  /** Lets a frozen one go on. */
  thaw(): void;
  /** What it printed, for when it is broken. */
  complaints(): string;
}

const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** @param write where the parent says whom it killed, and when */
export function startVictim(program: string, options: VictimOptions, write: Write): VictimProcess {
  const child = fork(program, [JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: '' }, // nothing of what the parent runs under
  });
  alive.add(child);
  const waiting = new Map<number, (answer: Answer) => void>();
  const answerTo = (id: number) => new Promise<Answer>((resolve) => waiting.set(id, resolve));
  const ended = whenEnded(child, waiting);
  const started = answerTo(0);
  let printed = '';
  let questions = 0;
  child.stderr?.on(
    'data',
    (chunk: Buffer) => (printed = (printed + chunk.toString()).slice(-4000)),
  );
  child.on('message', (message) => waiting.get((message as Answer).id)?.(message as Answer));
  child.on('error', () => undefined); // a message to somebody who has just died

  return {
    name: options.victim,
    port: started.then(({ value }) => (typeof value === 'number' ? value : null)),
    ended,
    isAlive: () => alive.has(child),
    complaints: () => printed,
    async ask(name, ...args) {
      questions += 1;
      const id = questions;
      const answered = answerTo(id);
      if (alive.has(child)) child.send({ id, name, args });
      else waiting.get(id)?.(GONE);
      const { value, error } = await answered;
      if (error !== undefined) throw new Error(`${options.victim}: ${name}: ${error} ${printed}`);
      return value as ReturnType<Questions[typeof name]>;
    },
    async kill() {
      if (!alive.has(child)) return;
      child.kill('SIGKILL');
      write({ type: 'killed', victim: options.victim, point: 'random', at: now() });
      await ended;
    },
    thaw() {
      write({ type: 'thawed', victim: options.victim, at: now() });
      child.kill('SIGCONT');
    },
  };
}

const GONE: Answer = { id: -1, error: 'is not there any more' };

async function whenEnded(
  child: ChildProcess,
  waiting: ReadonlyMap<number, (answer: Answer) => void>,
): Promise<End> {
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  alive.delete(child);
  for (const answer of waiting.values()) answer(GONE);
  if (signal === 'SIGKILL') return 'killed';
  return code === 0 ? 'closed' : 'broken';
}
