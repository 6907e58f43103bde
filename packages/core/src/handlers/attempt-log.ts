import type { AttemptRecord, HandlerFailure, NewEntry, Outcome } from '../inbox/ports.ts';

/** What an attempt knows of the attempts before it. */
export interface LoggedEntry extends Pick<NewEntry, 'source'> {
  readonly attempts: number;
  /** Absent outside an inbox: nothing is logged then. */
  readonly attemptLog?: readonly AttemptRecord[];
  readonly replays?: number;
  readonly isTakeover?: boolean;
}

/** What an attempt has to report beside its outcome. */
export interface AttemptReport {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly failures: readonly HandlerFailure[];
}

const MAX_RECORDS = 10;
const MAX_FAILURES = 3;

/** Adds an attempt to the log of its entry. A released attempt does not count, so it is not logged. */
export function withAttemptLog(
  entry: LoggedEntry,
  outcome: Outcome,
  { startedAt, durationMs, failures }: AttemptReport,
): Outcome {
  const { attemptLog, attempts: attempt } = entry;
  if (attemptLog === undefined || outcome.type === 'released') return outcome;
  const trigger = (entry.replays ?? 0) > 0 ? 'replay' : entry.source;
  const records = [...attemptLog];
  if (entry.isTakeover === true) {
    const lost = {
      attempt: attempt - 1,
      startedAt: null,
      durationMs: null,
      outcome: 'lost',
    } as const;
    records.push({ ...lost, trigger, errors: [] });
  }
  const errors = failures.slice(0, MAX_FAILURES);
  records.push({ attempt, startedAt, durationMs, outcome: outcome.type, trigger, errors });
  return { ...outcome, attemptLog: records.slice(-MAX_RECORDS) };
}
