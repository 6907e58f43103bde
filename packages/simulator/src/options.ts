import type { Delivery } from './delivery.ts';
import type { DelayRange, Faults, ResolvedFaults } from './faults.ts';
import type { Plan } from './plan.ts';
import type { Submission } from './submission.ts';
import type { SimulatedTask } from './task.ts';

/** Retries of a delivery that was not answered with a 2xx. */
export interface RetryOptions {
  /** Maximum number of retries after the first attempt, 0 to 100. Default 5, as Novita documents. */
  readonly maxRetries?: number | undefined;
  /**
   * Returns the delay in milliseconds before retry 1, 2, …. The simulator calls it once for each
   * retry, when it is created. Default: 1, 2, 4, 8 and 16 seconds. Novita documents no delays.
   */
  readonly delayMs?: ((retry: number) => number) | undefined;
}

/** Limit of requests for each API key: submits and task results. */
export interface RateLimit {
  readonly requests: number;
  /** Length of a window in milliseconds. Default 1000. */
  readonly windowMs?: number | undefined;
}

export interface ResolvedRateLimit extends RateLimit {
  readonly windowMs: number;
}

/** A request that the simulator answered with an error. */
export interface RequestReport {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  /** `reason` of the error, such as `INVALID_REQUEST_BODY`. */
  readonly reason: string;
  readonly message: string;
}

/** Options of `createSimulator()`. */
export interface SimulatorOptions {
  /** Port on 127.0.0.1. Default 0: a free one. */
  readonly port?: number | undefined;
  /** Duration of a task in milliseconds, or a range from which each task draws. Default 0. */
  readonly taskMs?: DelayRange | undefined;
  /** Part of `taskMs` before a task is processed. Default: a quarter of it. */
  readonly queueMs?: DelayRange | undefined;
  readonly retry?: RetryOptions | undefined;
  /**
   * Limits one POST, from connecting to the last byte of the answer, in milliseconds. Default 5000,
   * as Novita documents.
   */
  readonly deliveryTimeoutMs?: number | undefined;
  /**
   * Time after which a result link expires, in milliseconds: 1 second to 7 days, rounded down to
   * whole seconds. Default 1 hour.
   */
  readonly linkTtlMs?: number | undefined;
  /** If set, submits and task results must carry it in `Authorization`, with or without `Bearer`. */
  readonly apiKey?: string | undefined;
  /** Answers 429 when an API key sends more requests. Default: no limit. */
  readonly rateLimit?: RateLimit | undefined;
  /**
   * Time after its end for which the Task Result API knows a task, in milliseconds. Then it answers 404.
   * Default: as long as the simulator runs.
   */
  readonly retentionMs?: number | undefined;
  /**
   * Endpoints that answer 404, such as `RETIRED_ENDPOINTS_2026`. `*` stands for any characters. Default:
   * none.
   */
  readonly retiredEndpoints?: readonly string[] | undefined;
  /**
   * Endpoints that take a callback URL and never send an event, such as
   * `ENDPOINTS_WITHOUT_DOCUMENTED_WEBHOOKS`. `*` stands for any characters. Default: none.
   */
  readonly endpointsWithoutWebhooks?: readonly string[] | undefined;
  /** Faults of deliveries. Default: none. */
  readonly faults?: Faults | undefined;
  /**
   * Seed of what is drawn: faults, and durations with a range. The same seed and the same submits in the
   * same order have the same faults. Default: random; `report()` has it.
   */
  readonly seed?: number | undefined;
  /** Allows callback URLs on other machines. Default false: loopback only. */
  readonly allowRemote?: boolean | undefined;
  /** Maximum number of deliveries at the same time, 1 to 10,000. Default 64. */
  readonly concurrency?: number | undefined;
  /**
   * Returns the plan of a task. `extra.simulator` in the body and the plan passed to `submit()`
   * override it, field by field.
   */
  readonly plan?: ((submission: Submission) => Plan | undefined) | undefined;
  /** Is called after every delivery. An error that it throws becomes a process warning. */
  readonly onDelivery?: ((delivery: Delivery) => void) | undefined;
  /** Is called with every accepted task. An error that it throws becomes a process warning. */
  readonly onTask?: ((task: SimulatedTask) => void) | undefined;
  /** Is called with every rejected request. An error that it throws becomes a process warning. */
  readonly onRequestRejected?: ((report: RequestReport) => void) | undefined;
  /** Clock for all times in events and links, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

type OptionalOption = 'apiKey' | 'queueMs' | 'rateLimit' | 'retentionMs';
type DefaultedOptions = Omit<SimulatorOptions, 'retry' | 'linkTtlMs' | 'faults' | OptionalOption>;

/** Options with all defaults filled in. */
export type ResolvedOptions = {
  readonly [Option in keyof DefaultedOptions]-?: NonNullable<DefaultedOptions[Option]>;
} & {
  /** One delay for each retry. */
  readonly retryDelaysMs: readonly number[];
  readonly linkTtlSeconds: number;
  readonly faults: ResolvedFaults;
  readonly apiKey: string | undefined;
  readonly queueMs: DelayRange | undefined;
  readonly rateLimit: ResolvedRateLimit | undefined;
  readonly retentionMs: number | undefined;
};
