import { WebhookError } from '../shared/errors.ts';

/** The bytes that one delivery holds in memory. */
export interface HeldBytes {
  /**
   * Counts bytes of the body. Does nothing after `release`: a stream may still yield a chunk then.
   *
   * @throws WebhookError `overloaded` if all deliveries together would hold more than the limit
   */
  add(bytes: number): void;
  /** Gives back what was counted. Further calls do nothing. */
  release(): void;
}

/** Counts the bytes of bodies that the deliveries of one receiver hold in memory at once. */
export interface BodyMemory {
  /** For one delivery. The caller must call `release` when the delivery was answered. */
  hold(): HeldBytes;
}

/** @param maxTotalBodyBytes limit for all deliveries together */
export function createBodyMemory(maxTotalBodyBytes: number): BodyMemory {
  let total = 0;
  return {
    hold() {
      let held = 0;
      let isReleased = false;
      return {
        add(bytes) {
          if (isReleased) return;
          if (total + bytes > maxTotalBodyBytes) {
            const message = `the bodies in memory would be over ${maxTotalBodyBytes} bytes. Raise limits.maxTotalBodyBytes if the senders are honest.`;
            throw new WebhookError('overloaded', message);
          }
          held += bytes;
          total += bytes;
        },
        release() {
          isReleased = true;
          total -= held;
          held = 0;
        },
      };
    },
  };
}
