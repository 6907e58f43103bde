import { followSignals, type LazyAbort } from '../shared/lazy-abort.ts';
import type { EntryProcessor, Outcome, RunInTransaction } from './ports.ts';

type Attempt<Attempted, Abort> = (
  entry: Attempted,
  abort: Abort,
  runInTransaction?: RunInTransaction,
) => Promise<Outcome>;

type Claimed = Parameters<EntryProcessor>[0];

/** Like `EntryProcessor`, but a signal is created only for an attempt that reads it. */
export type LazyProcessor<Attempted = Claimed> = Attempt<Attempted, LazyAbort>;

const lazyProcessors = new WeakMap<EntryProcessor, LazyProcessor>();

/** @returns an `EntryProcessor`, in which `toLazyProcessor` finds `attempt` again */
export function toEntryProcessor<Attempted>(
  attempt: LazyProcessor<Attempted | Claimed>,
): Attempt<Attempted | Claimed, AbortSignal> {
  const processor: Attempt<Attempted | Claimed, AbortSignal> = (entry, signal, runInTransaction) =>
    followSignals([signal], (abort) => attempt(entry, abort, runInTransaction));
  lazyProcessors.set(processor, attempt);
  return processor;
}

/** Takes any processor: an inbox can be consumed without a receiver. */
export function toLazyProcessor(processor: EntryProcessor): LazyProcessor {
  const lazy = lazyProcessors.get(processor);
  return lazy ?? ((entry, abort, ...rest) => processor(entry, abort.signal(), ...rest));
}
