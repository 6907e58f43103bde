/** Why no answer came: `event` means that there was nothing to send, see its message. */
export type DeliveryFailure = 'timeout' | 'connection' | 'closed' | 'transform';

/** What the endpoint answered, or why there is no answer. */
export type DeliveryAnswer =
  | {
      readonly status: number;
      /** The first 4 KiB, as text. */
      readonly body: string;
    }
  | { readonly error: DeliveryFailure; readonly message: string };

/**
 * `main` deliveries are repeated until one is acknowledged; `parallel` ones go out together with
 * the first try, `duplicate` ones after the acknowledgement, `manual` ones from `deliver()`. These
 * three are never repeated.
 */
export type DeliveryKind = 'main' | 'parallel' | 'duplicate' | 'manual';

/** One POST to a callback URL. */
export interface Delivery {
  readonly taskId: string;
  readonly url: string;
  readonly kind: DeliveryKind;
  /** 1 for the main delivery and its repeats; every further copy of the event counts up. */
  readonly copy: number;
  /** 1 for the first try, 2 for the first repeat. */
  readonly attempt: number;
  /** Milliseconds since 1970, by the simulator's clock. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly answer: DeliveryAnswer;
}

/** Only a 2xx is. */
export const isAcknowledged = ({ answer }: Delivery): boolean =>
  'status' in answer && answer.status >= 200 && answer.status < 300;
