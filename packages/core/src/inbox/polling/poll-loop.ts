import { LATE, monotonicMs, systemClock, withDeadline, type Clock } from '../../shared/clock.ts';
import { errorFields } from '../../shared/logger.ts';
import { isPromise } from '../../shared/is-promise.ts';
import type { Claim, ConsumeOptions, EntryProcessor, Store } from '../ports.ts';
import { createClaimPool, type ClaimPool } from './claim-pool.ts';

export interface PollLoopOptions extends ConsumeOptions {
  readonly store: Store;
  readonly run: EntryProcessor;
  readonly leaseDurationMs: number;
  /** Maximum time between two claims, in milliseconds. */
  readonly pollIntervalMs: number;
  readonly clock: Clock;
}

export interface PollLoop {
  /** Claims now: an entry may have become due. */
  wake(): void;
  stop(gracePeriodMs: number): Promise<void>;
}

/** Pause after an error of the store. */
const STORE_BACKOFF_MS = 1000;

/** Minimum time for a running claim to be answered on stop, so that its leases can be released. */
const CLAIM_GRACE_MS = 1000;

/** Claims entries of one endpoint and runs them, until it is stopped. */
export function startPollLoop(options: PollLoopOptions): PollLoop {
  const { clock, log } = options;
  const sleeper = createSleeper(clock);
  let isStopping = false;
  const turns = createTurns();
  const onFree = (mayBeDue: boolean) =>
    mayBeDue || claims.isWaitingForRoom() ? sleeper.wake() : undefined;
  const pool = createClaimPool({ ...options, onFree });
  const claims = createClaims(pool, turns, () => isStopping, options);
  const unsubscribe = subscribe(options, sleeper.wake);
  const ended = loop();

  async function loop(): Promise<void> {
    await Promise.resolve(); // handlers that are registered in the same tick belong to the first claim
    while (!isStopping) {
      const claiming = claims.claimAll();
      const sleepMs = isPromise(claiming) ? await claiming : claiming;
      if (turns.isOver()) await turns.next();
      await sleeper.sleep(sleepMs);
    }
  }

  return {
    wake: sleeper.wake,
    async stop(gracePeriodMs) {
      isStopping = true;
      unsubscribe();
      sleeper.wake();
      pool.close();
      const claimed = withDeadline(ended, Math.max(gracePeriodMs, CLAIM_GRACE_MS), clock);
      await Promise.all([claimed, pool.stop(gracePeriodMs)]);
      if ((await claimed) === LATE) {
        log.warn({}, 'inbox: closed while a claim was running; its leases expire');
      }
      await pool.released();
    },
  };
}

/** Claims entries for a pool. */
interface Claims {
  /** Claims all due entries that fit. Returns the milliseconds until the next claim. */
  claimAll(): number | Promise<number>;
  /** Whether entries may be due for which the pool has no room. */
  isWaitingForRoom(): boolean;
}

function createClaims(
  pool: ClaimPool,
  turns: Turns,
  isStopping: () => boolean,
  options: PollLoopOptions,
): Claims {
  const { store, endpoint, leaseDurationMs, pollIntervalMs, clock, log } = options;
  const emptyPolls = createEmptyPolls(pollIntervalMs, clock);
  let isWaitingForRoom = false;

  function tryClaimAll(): number | Promise<number> {
    try {
      const claiming = claimAll();
      return isPromise(claiming) ? claiming.catch(onError) : claiming;
    } catch (error) {
      return onError(error);
    }
  }

  function onError(error: unknown): number {
    log.error(errorFields(error), 'inbox: entries could not be claimed; trying again in 1 s');
    return STORE_BACKOFF_MS;
  }

  function claimAll(): number | Promise<number> {
    for (;;) {
      const free = pool.free();
      isWaitingForRoom = free <= 0;
      if (isStopping() || isWaitingForRoom) return Infinity;
      const claimedAt = monotonicMs(clock); // the leases began no earlier
      const claiming = store.claim(endpoint, free, leaseDurationMs);
      if (isPromise(claiming)) return claimLater(claiming, claimedAt, free);
      take(claiming, claimedAt);
      if (claiming.length < free) return sleepAfter(claiming.length);
    }
  }

  async function claimLater(
    claiming: Promise<Claim[]>,
    claimedAt: number,
    free: number,
  ): Promise<number> {
    const claims = await warnIfSlow(claiming, options);
    take(claims, claimedAt);
    return claims.length < free ? sleepAfter(claims.length) : claimAll();
  }

  function take(claims: readonly Claim[], claimedAt: number): void {
    for (const claim of claims) pool.take(claim, claimedAt);
    turns.count(claims.length);
  }

  function sleepAfter(claims: number): number | Promise<number> {
    emptyPolls.count(claims);
    const due = store.nextDueMs(endpoint);
    const toSleepMs = (dueMs: number | null) =>
      emptyPolls.areTooMany() ? pollIntervalMs : Math.min(pollIntervalMs, dueMs ?? Infinity);
    return isPromise(due) ? due.then(toSleepMs) : toSleepMs(due);
  }

  return { claimAll: tryClaimAll, isWaitingForRoom: () => isWaitingForRoom };
}

/** A store may fail to subscribe, at once or later: polling finds its entries. */
function subscribe({ store, endpoint, log }: PollLoopOptions, onDue: () => void): () => void {
  const warn = (error: unknown): undefined =>
    void log.warn(
      errorFields(error),
      'inbox: subscribe of the store failed. Entries are found by polling.',
    );
  const subscribed = (async () => store.subscribe?.(endpoint, onDue))().catch(warn);
  return () => void subscribed.then((unsubscribe) => unsubscribe?.()).catch(warn);
}

/** A claim that takes longer than its leases is useless, and one that hangs stops all handling. */
async function warnIfSlow(
  claiming: Promise<Claim[]>,
  { leaseDurationMs, clock, log }: PollLoopOptions,
): Promise<Claim[]> {
  const message =
    'inbox: a claim takes longer than leaseDurationMs. No entry is handled until the store is faster.';
  const cancel = clock.after(leaseDurationMs, () => log.warn({ leaseDurationMs }, message));
  try {
    return await claiming;
  } finally {
    cancel();
  }
}

const MAX_EMPTY_POLLS = 5;
const EMPTY_POLLS_PER_INTERVAL = 2;

/**
 * Every worker knows when the next entry is due, and only one can claim it (thundering herd). So polls at due
 * times are limited by a token bucket: an empty poll costs one token, each claimed entry gives one back, and
 * each interval two. A worker without a token polls at its interval, as often as an idle one.
 */
function createEmptyPolls(pollIntervalMs: number, clock: Clock) {
  let tokens = MAX_EMPTY_POLLS;
  let refilledAt = monotonicMs(clock);

  function refill(): void {
    const now = monotonicMs(clock);
    const added = ((now - refilledAt) / pollIntervalMs) * EMPTY_POLLS_PER_INTERVAL;
    tokens = Math.min(MAX_EMPTY_POLLS, tokens + added);
    refilledAt = now;
  }

  return {
    count(claims: number): void {
      refill();
      tokens = Math.min(MAX_EMPTY_POLLS, Math.max(0, tokens + (claims === 0 ? -1 : claims)));
    },
    areTooMany: () => pollIntervalMs < Infinity && tokens < 1,
  };
}

const MAX_CLAIMS_PER_TURN = 256;

/** See `createTurns`. */
interface Turns {
  count(claims: number): void;
  isOver(): boolean;
  next(): Promise<void>;
}

/**
 * Ends a turn of the event loop after 256 claims. A store that answers at once and handlers that never
 * wait would handle a whole backlog in one turn, with no reply and no timer meanwhile.
 */
function createTurns(): Turns {
  let claims = 0;
  return {
    count: (more: number) => void (claims += more),
    isOver: () => claims >= MAX_CLAIMS_PER_TURN,
    next(): Promise<void> {
      claims = 0;
      return new Promise((resolve) => systemClock.after(0, resolve));
    },
  };
}

interface Sleeper {
  /** Ends the current sleep, or the next one if none is running. */
  wake(): void;
  /** @param ms milliseconds, or `Infinity` to sleep until `wake` */
  sleep(ms: number): Promise<void>;
}

function createSleeper(clock: Clock): Sleeper {
  let isAwake = false;
  let endSleep: (() => void) | undefined;
  return {
    wake() {
      isAwake = true;
      endSleep?.();
    },
    async sleep(ms) {
      if (!isAwake) {
        await new Promise<void>((resolve) => {
          const cancel = ms === Infinity ? undefined : clock.after(ms, resolve);
          endSleep = () => {
            cancel?.();
            resolve();
          };
        });
      }
      isAwake = false;
      endSleep = undefined;
    },
  };
}
