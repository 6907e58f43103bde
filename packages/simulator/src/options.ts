import { aBoolean, aFunction, aNumber, anObject, aWholeNumber } from './check.ts';
import { longestDelayMs, type Rule } from './check.ts';
import type { Delivery } from './delivery.ts';
import { taskDuration, type Plan } from './plan.ts';
import type { Submission } from './submission.ts';

/** How a delivery that was not acknowledged is repeated. */
export interface RetryOptions {
  /** Repeats after the first try, 0 to 100. Default 5, the maximum that Novita documents. */
  readonly attempts?: number | undefined;
  /**
   * Milliseconds to wait before repeat 1, 2, …; asked once for each when the simulator is created.
   * Novita does not document its spacing; the default is 1, 2, 4, 8 and 16 seconds.
   */
  readonly delayMs?: ((retry: number) => number) | undefined;
}

/** Times are in milliseconds. */
export interface SimulatorOptions {
  /** Port on 127.0.0.1. Default 0: a free one. */
  readonly port?: number | undefined;
  /** How long a task runs before its event goes out. Default 0. */
  readonly taskMs?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  /** Time for one whole delivery, from connecting to the last byte. Default 5000, as documented. */
  readonly timeoutMs?: number | undefined;
  /** Life of a result link, in whole seconds from 1 s to 7 days (the rest is cut). Default one hour. */
  readonly linkTtlMs?: number | undefined;
  /** When set, submits and task results need `Authorization: Bearer <apiKey>`. */
  readonly apiKey?: string | undefined;
  /** Allows callback URLs on other machines. Default false: loopback only. */
  readonly allowRemote?: boolean | undefined;
  /** Deliveries under way at the same time. Default 64. */
  readonly concurrency?: number | undefined;
  /** Decides what becomes of a task; what the submit itself asks for goes first. */
  readonly plan?: ((submission: Submission) => Plan | undefined) | undefined;
  /** Called after every delivery, whatever its answer. What it throws becomes a process warning. */
  readonly onDelivery?: ((delivery: Delivery) => void) | undefined;
  /** The clock, in milliseconds since 1970: dates in payloads, age of links. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

export interface Options {
  readonly port: number;
  readonly taskMs: number;
  /** One entry per repeat. */
  readonly retryDelaysMs: readonly number[];
  readonly timeoutMs: number;
  readonly linkTtlSeconds: number;
  readonly apiKey: string | undefined;
  readonly allowRemote: boolean;
  readonly concurrency: number;
  readonly plan: (submission: Submission) => Plan | undefined;
  readonly onDelivery: (delivery: Delivery) => void;
  readonly now: () => number;
}

const aKey: Rule = (name, value) => {
  // Not shown: it may be a real one, pasted by mistake.
  if (typeof value === 'string' && value !== '') return;
  throw new TypeError(`${name} must be a non-empty string, got ${typeof value}`);
};

const retryRules: Record<keyof RetryOptions, Rule> = {
  attempts: aWholeNumber(0, 100),
  delayMs: aFunction,
};

const rules: Record<keyof SimulatorOptions, Rule> = {
  port: aWholeNumber(0, 65_535),
  taskMs: taskDuration,
  retry: anObject(retryRules),
  timeoutMs: aNumber(1, longestDelayMs),
  linkTtlMs: aNumber(1000, 604_800_000),
  apiKey: aKey,
  allowRemote: aBoolean,
  concurrency: aWholeNumber(1, 10_000),
  plan: aFunction,
  onDelivery: aFunction,
  now: aFunction,
};

const checkOptions = anObject(rules);
const aDelay = aNumber(0, longestDelayMs);

const retryDelays = ({ attempts = 5, delayMs }: RetryOptions = {}): number[] => {
  const delay = delayMs ?? ((retry: number) => 1000 * 2 ** (retry - 1));
  return Array.from({ length: attempts }, (_, index) => {
    const ms = delay(index + 1);
    aDelay(`options.retry.delayMs(${index + 1})`, ms);
    return ms;
  });
};

/** Fills every gap. Throws a TypeError or RangeError that names the option. */
export const resolveOptions = (options: SimulatorOptions): Options => {
  checkOptions('options', options);
  const now = options.now ?? Date.now;
  aNumber(0, 8.64e15)('options.now()', now());
  return {
    port: options.port ?? 0,
    taskMs: options.taskMs ?? 0,
    retryDelaysMs: retryDelays(options.retry),
    timeoutMs: options.timeoutMs ?? 5000,
    linkTtlSeconds: Math.floor((options.linkTtlMs ?? 3_600_000) / 1000),
    apiKey: options.apiKey,
    allowRemote: options.allowRemote ?? false,
    concurrency: options.concurrency ?? 64,
    plan: options.plan ?? (() => undefined),
    onDelivery: options.onDelivery ?? (() => undefined),
    now,
  };
};
