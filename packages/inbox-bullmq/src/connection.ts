import type { Logger } from '@novita-webhooks/core';

import { createClient, type Client, type Patience, type RedisSource } from './client.ts';
import { watchClock } from './redis-clock.ts';
import { explain, troubleOf, whatToDo } from './troubles.ts';
import { LATE, within } from './within.ts';

/** A connection that is made when it is first needed, and again whenever it is lost. */
export interface Connection {
  readonly client: Client;
  /**
   * Does something with it. Waits for a connection that is being made, but not for one that was
   * lost.
   *
   * @throws WebhookError with what is wrong and what to do about it
   */
  run<T>(work: (client: Client) => Promise<T>): Promise<T>;
  /** By the clock of Redis, in milliseconds since 1970. */
  now(): number;
  /** Says from now on when the connection is lost and when it is back. */
  report(log: Logger): void;
  close(): Promise<void>;
}

export interface ConnectionOptions extends Patience {
  readonly source: RedisSource;
}

export function createConnection({ source, commandTimeoutMs }: ConnectionOptions): Connection {
  const client = createClient(source, { commandTimeoutMs });
  const readiness = watchReadiness(client, commandTimeoutMs);
  const clock = watchClock(client);
  let answeredAt = 0;
  let isClosed = false;

  async function ready(): Promise<void> {
    if (isReady(client)) return;
    const isIdle = client.status === 'wait' || client.status === 'end';
    if (isIdle && !isClosed) client.connect().catch(() => undefined); // 'error' tells
    await within(commandTimeoutMs, readiness.next());
    if (!isReady(client)) throw readiness.trouble() ?? new Error('not connected');
  }

  /** Who has much to answer takes its time; who answers nothing at all is given up. */
  async function answerTo<T>(work: Promise<T>): Promise<T> {
    for (;;) {
      const answer = await within(commandTimeoutMs, work);
      if (answer !== LATE) return answer;
      if (performance.now() - answeredAt < commandTimeoutMs) continue;
      client.disconnect(true); // and with the connection what is still to be answered on it
      throw new Error(`no answer within ${commandTimeoutMs} ms`);
    }
  }

  return {
    client,
    async run(work) {
      try {
        await ready();
        const answered = clock
          .known()
          .then(() => work(client))
          .finally(() => (answeredAt = performance.now()));
        return await answerTo(readiness.unlessLost(answered));
      } catch (error) {
        // Only a new connection has it looked up again who is master.
        if (String(error).includes('READONLY')) client.disconnect(true);
        throw explain(error);
      }
    },
    now: () => clock.now(),
    report(log) {
      readiness.report(log);
      clock.report(log);
    },
    async close() {
      isClosed = true;
      const quit = () => client.quit().catch(() => undefined);
      if (isReady(client)) await within(commandTimeoutMs, quit());
      client.disconnect();
    },
  };
}

function isReady(client: Client): boolean {
  return client.status === 'ready' || (client.isCluster && client.status === 'connect');
}

interface Readiness {
  /** Resolves when the connection is ready, or when it is known that it is not. */
  next(): Promise<void>;
  /** Rejects when the connection is gone before there is an answer: there will be none. */
  unlessLost<T>(work: Promise<T>): Promise<T>;
  /** Why it is not. */
  trouble(): Error | null;
  report(log: Logger): void;
}

function watchReadiness(client: Client, patienceMs: number): Readiness {
  let trouble: Error | null = null;
  let said: string | null = null;
  let log: Logger | null = null;
  const waiting = new Set<() => void>();

  function settle(): void {
    for (const resolve of waiting) resolve();
    waiting.clear();
  }

  // Without a listener an 'error' ends the process.
  client.on('error', (error: Error) => {
    trouble = error;
    const kind = troubleOf(error);
    if (said !== kind) log?.error({ error: error.message }, whatToDo(kind));
    said = kind;
    settle();
  });
  let greeting: NodeJS.Timeout | undefined;
  const unanswered = new Set<(error: Error) => void>();
  client.on('close', () => {
    clearTimeout(greeting);
    for (const reject of unanswered) reject(new Error('the connection was closed'));
    settle();
  });
  // ioredis would wait for ever for somebody who takes the connection and says nothing.
  client.on('connect', () => {
    greeting = setTimeout(() => client.disconnect(true), 2 * patienceMs);
  });
  client.on('ready', () => {
    clearTimeout(greeting);
    if (said !== null) log?.info({}, 'Redis can be used again');
    trouble = null;
    said = null;
    settle();
  });

  return {
    next() {
      const isKnown = ['reconnecting', 'close', 'end'].includes(client.status);
      return isKnown ? Promise.resolve() : new Promise((resolve) => waiting.add(() => resolve()));
    },
    unlessLost: (work) =>
      new Promise((resolve, reject) => {
        unanswered.add(reject);
        work.then(resolve, reject).finally(() => unanswered.delete(reject));
      }),
    trouble: () => trouble,
    report(to) {
      log = to;
    },
  };
}
