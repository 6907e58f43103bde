import type { Outcome } from '../inbox/ports.ts';

/** Beside the outcomes and not in them, because inboxes store outcomes. */
const errorsByOutcome = new WeakMap<Outcome, readonly unknown[]>();

/** Keeps what the handlers of an attempt have thrown, for as long as its outcome is in use. */
export function keepErrors(outcome: Outcome, errors: readonly unknown[]): void {
  if (errors.length > 0) errorsByOutcome.set(outcome, errors);
}

/** The options of an error about an outcome: its `cause` is what a handler has thrown. */
export function causeOf(outcome: Outcome): { readonly cause?: unknown } {
  const errors = errorsByOutcome.get(outcome) ?? [];
  if (errors.length > 1) return { cause: new AggregateError(errors, 'several handlers failed') };
  return errors.length === 1 ? { cause: errors[0] } : {};
}
