import type { Logger } from '@novita-webhooks/core';

import { defineScripts } from './scripts.ts';
import { explain, explanationOf, inboxClosed } from '../errors.ts';
import { createClient, type Client, type RedisSource } from './client.ts';
import { LATE, within } from './within.ts';

/** A connection that is made when it is first needed, and again whenever it is lost. */
export interface Connection {
  readonly client: Client;
  /**
   * Waits for a connection that is being made, but not for one that was lost; then does the work.
   *
   * @throws WebhookError with what failed and what to do
   */
  run<T>(work: (client: Client) => Promise<T>): Promise<T>;
  /** How long Redis may be silent, in milliseconds. */
  readonly commandTimeoutMs: number;
  /** Clients that BullMQ has made from this one, until they are taken out. */
  readonly duplicates: Client[];
  /** Logs from now on when the connection is lost and when it is back. */
  report(log: Logger): void;
  /** Calls back once, when there is a connection. */
  whenReady(callback: () => void): void;
  /** Whether the inbox is being closed: nothing more is opened on this connection. */
  isClosing(): boolean;
  startClosing(): void;
  close(): Promise<void>;
}

interface ConnectionOptions {
  readonly source: RedisSource;
  readonly commandTimeoutMs: number;
}

export function createConnection({ source, commandTimeoutMs }: ConnectionOptions): Connection {
  const { client, duplicates } = createClient(source, commandTimeoutMs);
  defineScripts(client);
  const readiness = watchReadiness(client, commandTimeoutMs);
  let answeredAt = 0;
  let isClosing = false;
  let isClosed = false;

  async function ready(): Promise<void> {
    if (isClosed) throw inboxClosed();
    if (isReady(client)) return;
    const isIdle = client.status === 'wait' || client.status === 'end';
    if (isIdle && !isClosing) client.connect().catch(() => undefined); // the 'error' event tells
    await within(commandTimeoutMs, readiness.next());
    if (isReady(client)) return;
    const isConnecting = client.status === 'connecting';
    throw readiness.lastError() ?? new Error(isConnecting ? 'not connected' : 'no greeting');
  }

  /** A long answer may take its time. A connection without any answer is given up. */
  async function answerTo<T>(work: Promise<T>): Promise<T> {
    for (;;) {
      const answer = await within(commandTimeoutMs, work);
      if (answer !== LATE) return answer;
      if (performance.now() - answeredAt < commandTimeoutMs) continue;
      client.disconnect(true);
      throw new Error(`no answer within ${commandTimeoutMs} ms`);
    }
  }

  return {
    client,
    async run(work) {
      try {
        await ready();
        const answered = work(client).finally(() => (answeredAt = performance.now()));
        return await answerTo(readiness.unlessLost(answered));
      } catch (error) {
        // A new connection looks up again which server is the master.
        if (String(error).includes('READONLY')) client.disconnect(true);
        throw explain(error);
      }
    },
    commandTimeoutMs,
    duplicates,
    report: readiness.report,
    whenReady(callback) {
      if (isReady(client)) callback();
      else client.once('ready', callback);
    },
    isClosing: () => isClosing,
    startClosing: () => void (isClosing = true),
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
  /** Rejects when the connection is lost before the answer: there will be none. */
  unlessLost<T>(work: Promise<T>): Promise<T>;
  lastError(): Error | null;
  report(log: Logger): void;
}

function watchReadiness(client: Client, timeoutMs: number): Readiness {
  let lastError: Error | null = null;
  let logged: string | null = null;
  let log: Logger | null = null;
  let greeting: NodeJS.Timeout | undefined;
  const waiting = new Set<() => void>();
  const unanswered = new Set<(error: Error) => void>();

  function resolveWaiting(): void {
    for (const resolve of waiting) resolve();
    waiting.clear();
  }

  // Without a listener, an 'error' event ends the process.
  client.on('error', (error: Error) => {
    // ioredis goes on in database 0.
    if (error.message.includes('DB index')) client.disconnect(true);
    // It follows from the error before.
    if (lastError !== null && error.message.includes('writeable')) return;
    lastError = error;
    const explanation = explanationOf(error);
    if (logged !== explanation) log?.error({ error: error.message }, explanation);
    logged = explanation;
    resolveWaiting();
  });
  client.on('close', () => {
    clearTimeout(greeting);
    for (const reject of unanswered) reject(new Error('the connection was closed'));
    resolveWaiting();
  });
  // ioredis waits without limit for a server that accepts the connection and is silent.
  client.on('connect', () => {
    greeting = setTimeout(() => client.disconnect(true), 2 * timeoutMs);
  });
  client.on('ready', () => {
    clearTimeout(greeting);
    if (logged !== null) log?.info({}, 'inbox-bullmq: Redis is available again.');
    lastError = null;
    logged = null;
    resolveWaiting();
  });

  return {
    next() {
      const isKnown = ['reconnecting', 'close', 'end'].includes(client.status);
      return isKnown ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve));
    },
    unlessLost: (work) =>
      new Promise((resolve, reject) => {
        unanswered.add(reject);
        work.then(resolve, reject).finally(() => unanswered.delete(reject));
      }),
    lastError: () => lastError,
    report: (to) => (log = to),
  };
}
