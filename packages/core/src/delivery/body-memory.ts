import { WebhookError } from '../shared/errors.ts';

/** The bytes that one delivery holds in memory. */
export interface HeldBytes {
  /**
   * Counts bytes of the body. Does nothing after `release`: a stream may still yield a chunk then.
   *
   * @throws WebhookError `overloaded` if all deliveries together would hold more than the limit, and
   * no larger body can give way
   */
  add(bytes: number): void;
  /**
   * Lets this body give way to a smaller one while it is read. `undefined`: it is read no longer.
   *
   * @param evict called with the error for its delivery
   */
  onEvict(evict: ((error: WebhookError) => void) | undefined): void;
  /** Gives back what was counted. Further calls do nothing. */
  release(): void;
}

/**
 * Counts the bytes of bodies that the deliveries of one receiver hold in memory at once. Over the
 * limit, the largest body that is still being read gives way: results of tasks are small, so large
 * bodies cannot keep them out.
 */
export interface BodyMemory {
  /** For one delivery. The caller must call `release` when the delivery was answered. */
  hold(): HeldBytes;
}

interface Holder {
  bytes: number;
  evict: ((error: WebhookError) => void) | undefined;
}

/** @param maxTotalBodyBytes limit for all deliveries together */
export function createBodyMemory(maxTotalBodyBytes: number): BodyMemory {
  const holders = new Set<Holder>();
  let total = 0;

  function release(holder: Holder): void {
    if (holders.delete(holder)) total -= holder.bytes;
  }

  /** The largest body that can give way to `one`; `one` itself if there is none. */
  function largest(one: Holder): Holder {
    let found = one;
    for (const holder of holders) {
      if (holder.evict !== undefined && holder.bytes > found.bytes) found = holder;
    }
    return found;
  }

  function makeRoomFor(one: Holder): void {
    const message = `the bodies in memory would be over limits.maxTotalBodyBytes (${maxTotalBodyBytes}). Raise it if the senders are honest.`;
    while (total > maxTotalBodyBytes) {
      const holder = largest(one);
      const error = new WebhookError('overloaded', message);
      release(holder);
      if (holder === one) throw error;
      holder.evict?.(error);
    }
  }

  return {
    hold() {
      const holder: Holder = { bytes: 0, evict: undefined };
      holders.add(holder);
      return {
        add(bytes) {
          if (!holders.has(holder)) return;
          holder.bytes += bytes;
          total += bytes;
          if (total > maxTotalBodyBytes) makeRoomFor(holder);
        },
        onEvict: (evict) => void (holder.evict = evict),
        release: () => release(holder),
      };
    },
  };
}
