import type { FaultName } from './faults.ts';

/**
 * Reason for a missing answer.
 *
 * - `timeout`: no complete answer within `deliveryTimeoutMs`
 * - `connection`: no connection, or it broke
 * - `closed`: `close()` was called during the POST
 * - `transform`: `transformEvent` threw or returned a value that JSON cannot hold
 */
export type DeliveryFailure = 'timeout' | 'connection' | 'closed' | 'transform';

/** Answer of the endpoint, or the reason why there is none. */
export type DeliveryAnswer =
  | {
      readonly status: number;
      /** First 4 KiB, as text. */
      readonly body: string;
    }
  | { readonly error: DeliveryFailure; readonly message: string };

/**
 * Cause of a delivery. `main` and `redelivery` are retried.
 *
 * - `main`: the task finished
 * - `parallel`: a copy that is sent together with the first attempt of `main`
 * - `duplicate`: a copy that is sent after the endpoint acknowledged `main`
 * - `flip`: an event with the opposite status, sent after the endpoint acknowledged `main`
 * - `manual`: a call of `deliver()`
 * - `redelivery`: a call of `redeliver()`
 */
export type DeliveryKind = 'main' | 'parallel' | 'duplicate' | 'flip' | 'manual' | 'redelivery';

export const isRetried = (kind: DeliveryKind): boolean => kind === 'main' || kind === 'redelivery';

/** One POST to a callback URL. */
export interface Delivery {
  readonly taskId: string;
  /** Without the token: a delivery may be logged. */
  readonly url: string;
  readonly kind: DeliveryKind;
  /** 1 for the main delivery and its retries; each further copy of the event adds 1. */
  readonly copy: number;
  /** 1 for the first attempt, 2 for the first retry. */
  readonly attempt: number;
  /** Milliseconds since 1970, by the simulator's clock. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly answer: DeliveryAnswer;
  /** Faults of this POST, such as `reset`. */
  readonly faults: readonly FaultName[];
  /** When the next attempt starts, by the simulator's clock. `undefined` if none follows. */
  readonly nextAttemptAt: number | undefined;
}

/** Checks whether the endpoint answered with a 2xx. */
export const isAcknowledged = ({ answer }: Pick<Delivery, 'answer'>): boolean =>
  'status' in answer && answer.status >= 200 && answer.status < 300;
