// In development, posts to a local url soon after the start: a wrong path is found before the first event.
import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/logger.ts';
import { readOr } from '../shared/read-or.ts';
import { isLoopback } from './find-problems.ts';
import { probeUrl } from './probe.ts';

/** Posts once, as `receiver.check()` does, if the receiver is mounted and started. */
export interface StartProbe {
  /** An adapter took the receiver. */
  mounted(): void;
  started(): void;
  cancel(): void;
}

interface StartProbeParts {
  readonly url: string | null;
  readonly clock: Clock;
  readonly log: Logger;
  readonly mintUrl: () => Promise<string>;
  /** Whether the mounted path is known to differ from that of `url`, which was logged then. */
  readonly isPathWrong: () => boolean;
  /** Whether the process runs in development. */
  readonly isEnabled: boolean;
}

/** Milliseconds in which a program begins to listen. */
const DELAY_MS = 1000;
/** Milliseconds until the second look at an address that refused the first. */
const SLOW_START_MS = 10_000;
const TIMEOUT_MS = 3000;

/** A program that creates a receiver for each request would otherwise answer each probe with another one. */
const probed = new Set<string>();

export function createStartProbe(parts: StartProbeParts): StartProbe {
  const { url, clock, log, mintUrl, isPathWrong } = parts;
  // A token must not leave the machine without being asked for: `url` may be an example.
  const target = parts.isEnabled && url !== null && isLoopback(url) ? url : null;
  let isMounted = false;
  let isCancelled = false;
  let cancelTimer: (() => void) | undefined;

  async function probe(address: string, isSecond: boolean): Promise<void> {
    if (!isSecond && probed.has(address)) return;
    probed.add(address);
    const found = await probeUrl(await mintUrl(), TIMEOUT_MS, null);
    for (const { level, code, message } of found) {
      const mayListenLater = code === 'url_unreachable' && /refused/i.test(message) && !isSecond;
      const isSaid = code === 'url_answered_by_another' && isPathWrong();
      if (mayListenLater) schedule(address, SLOW_START_MS, true);
      else if (!isSaid) log[level]({ code }, `receiver: ${message}`);
    }
  }

  function schedule(address: string, delayMs: number, isSecond: boolean): void {
    if (isCancelled) return;
    const run = () => void probe(address, isSecond).catch(() => undefined);
    cancelTimer = readOr(() => clock.after(delayMs, run, { background: true }), undefined);
  }

  return {
    mounted() {
      isMounted = true;
    },
    started() {
      if (target === null || !isMounted || cancelTimer !== undefined) return;
      schedule(target, DELAY_MS, false);
    },
    cancel() {
      isCancelled = true;
      cancelTimer?.();
    },
  };
}
