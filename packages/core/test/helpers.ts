import { readdirSync, readFileSync } from 'node:fs';

import {
  createReceiver,
  type Claim,
  type Logger,
  type Receiver,
  type ReceiverOptions,
  type Store,
  type WebhookReply,
  type WebhookRequest,
} from '@novita-webhooks/core';
import {
  createManualClock,
  delivery,
  signedDelivery,
  TEST_SECRET,
  type ManualClock,
} from '@novita-webhooks/testing';
import { expect } from 'vitest';

/** The URL of the receivers in these tests. */
export const ENDPOINT = 'https://hooks.example.com/novita';
/** The default task id of sample events. */
export const SAMPLE_TASK = '11111111-2222-4333-8444-000000000001';

interface LogLine {
  readonly level: keyof Logger;
  readonly details: Record<string, unknown>;
  readonly message: string;
}

interface CapturedLog extends Logger {
  readonly lines: LogLine[];
  /** Messages of one level. */
  messages(level: keyof Logger): string[];
}

/** A logger that keeps every line. */
function captureLog(): CapturedLog {
  const lines: LogLine[] = [];
  const at =
    (level: keyof Logger) =>
    (details: Record<string, unknown>, message: string): void => {
      lines.push({ level, details, message });
    };
  return {
    lines,
    messages: (wanted) =>
      lines.filter(({ level }) => level === wanted).map(({ message }) => message),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

export interface Setup {
  readonly clock: ManualClock;
  readonly log: CapturedLog;
  readonly receiver: Receiver;
  /** Delivers an event to a callback URL of this receiver. */
  deliver(event: unknown, metadata?: Readonly<Record<string, unknown>>): Promise<WebhookReply>;
  /** Delivers an event and waits until its asynchronous work is done. */
  settle(event: unknown, metadata?: Readonly<Record<string, unknown>>): Promise<WebhookReply>;
}

/** A receiver with a manual clock and a logger that keeps every line. */
export function setUp(
  options: Partial<ReceiverOptions> = {},
  clock: ManualClock = createManualClock(),
): Setup {
  const log = captureLog();
  const secret = options.insecure === true ? {} : { secret: TEST_SECRET };
  const receiver = createReceiver({ url: ENDPOINT, ...secret, clock, logger: log, ...options });
  const deliver: Setup['deliver'] = async (event, metadata) =>
    receiver.handle(await signedDelivery(receiver, event, metadata));
  const settle: Setup['settle'] = async (event, metadata) => {
    const reply = await deliver(event, metadata);
    await clock.flush();
    return reply;
  };
  return { clock, log, receiver, deliver, settle };
}

/** A delivery with parts of the request replaced. */
export async function request(
  receiver: Receiver,
  changes: Partial<WebhookRequest>,
): Promise<WebhookRequest> {
  return { ...delivery((await receiver.createCallback()).url, {}), ...changes };
}

/** `code` of a problem, or `status` of a success. */
export function codeOf(reply: WebhookReply): unknown {
  const body = JSON.parse(reply.body) as { code?: unknown; status: unknown };
  return body.code ?? body.status;
}

/** A promise with its `resolve` and `reject`. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Counts the runs of a handler, and how many ran at the same time. */
export function createGauge() {
  let running = 0;
  let most = 0;
  let runs = 0;
  return {
    runs: () => runs,
    most: () => most,
    running: () => running,
    /** Wraps a handler. */
    count<A extends unknown[]>(handle: (...args: A) => unknown) {
      return async (...args: A): Promise<void> => {
        runs += 1;
        running += 1;
        most = Math.max(most, running);
        try {
          await handle(...args);
        } finally {
          running -= 1;
        }
      };
    },
  };
}

/** Lets a lease expire and takes the entry over, as another worker does, in two looks. */
export async function takeOver(
  store: Store,
  clock: ManualClock,
  leaseDurationMs: number,
): Promise<Claim> {
  clock.skip(leaseDurationMs + 1);
  expect(await store.claim('novita', 1, leaseDurationMs)).toEqual([]);
  clock.skip(leaseDurationMs / 2 + 1);
  const [claim] = await store.claim('novita', 1, leaseDurationMs);
  if (claim === undefined) throw new Error('nothing to take over');
  return claim;
}

/** The state of a promise. Read it after `clock.flush()`. */
export function track<T>(promise: Promise<T>): { readonly value: T | undefined; settled: boolean } {
  const state: { value: T | undefined; settled: boolean } = { value: undefined, settled: false };
  promise.then(
    (value) => {
      state.value = value;
      state.settled = true;
    },
    () => (state.settled = true),
  );
  return state;
}

const PAYLOADS = new URL('./fixtures/payloads/', import.meta.url);

/** The file names of the payload fixtures. */
export const fixtureNames: readonly string[] = readdirSync(PAYLOADS).sort();

export function fixtureText(name: string): string {
  return readFileSync(new URL(name, PAYLOADS), 'utf8');
}

export function fixture(name: string): Record<string, unknown> {
  return JSON.parse(fixtureText(name)) as Record<string, unknown>;
}

/** A handler that does nothing. */
export const noop = (): void => undefined;

/** Lets the time pass for which a promise waits. */
export async function passing<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  const state = { isOver: false };
  const end = () => void (state.isOver = true);
  work.then(end, end);
  while (!state.isOver) await clock.advance(100);
  return work;
}
