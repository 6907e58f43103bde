// The runtime's own time and randomness during a run.

/** What a run puts in their place. */
export interface Sources {
  readonly random: () => number;
  /** Calls `then` in a later event, as `setTimeout(then, 0)` would. @returns a function that cancels it */
  readonly yieldTo: (then: () => void) => () => void;
  /** Called when code asks the runtime for a time or for work on another thread. */
  readonly bypassed: (what: string) => void;
}

const { setImmediate, setTimeout, clearTimeout, setInterval } = globalThis;
const performanceNow = performance.now.bind(performance);
const real = { now: Date.now, random: Math.random, timeout: AbortSignal.timeout };

/** Resolves when all promises have settled that can: the next turn of the event loop begins then. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Random numbers come from the seed. Whatever reads a time of the runtime is reported: it goes round the
 * injected clock, and could not be repeated.
 *
 * @returns a function that gives the runtime its own sources back
 */
export function replaceSources({ random, yieldTo, bypassed }: Sources): () => void {
  const report =
    <T>(what: string, value: T) =>
    () => {
      bypassed(what);
      return value;
    };
  const cancels = new WeakMap<object, () => void>();
  Math.random = random;
  Date.now = report('Date.now', 0);
  performance.now = report('performance.now', 0);
  AbortSignal.timeout = report('AbortSignal.timeout', new AbortController().signal);
  Object.assign(globalThis, {
    setInterval: report('setInterval', 0),
    setImmediate: report('setImmediate', 0),
    clearTimeout: (timer: object) => cancels.get(timer)?.(),
    setTimeout(then: () => void, ms = 0) {
      if (ms > 0) bypassed(`setTimeout of ${ms} ms`);
      const timer = {};
      cancels.set(timer, yieldTo(then));
      return timer;
    },
  });
  const getRandomValues = (bytes: Uint8Array) => {
    for (const index of bytes.keys()) bytes[index] = Math.floor(random() * 256);
    return bytes;
  };
  Object.defineProperties(crypto, {
    getRandomValues: { value: getRandomValues, configurable: true },
    randomUUID: { value: report('crypto.randomUUID', ''), configurable: true },
    subtle: { get: report('crypto.subtle', undefined), configurable: true },
  });
  return restore;
}

function restore(): void {
  Math.random = real.random;
  Date.now = real.now;
  performance.now = performanceNow;
  AbortSignal.timeout = real.timeout;
  Object.assign(globalThis, { setImmediate, setTimeout, clearTimeout, setInterval });
  for (const name of ['getRandomValues', 'randomUUID', 'subtle'])
    Reflect.deleteProperty(crypto, name);
}
