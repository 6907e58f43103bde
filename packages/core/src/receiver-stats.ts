// What a receiver counts.
import type { TokenRefusal } from './callback/token.ts';
import type { SweepCounts } from './expectations/sweep.ts';
import type { Inbox, InboxStats, Outcome } from './inbox/ports.ts';
import type { ReplyCode } from './shared/errors.ts';

/** Counters since the receiver was created, and the present state of its inbox. */
export interface ReceiverStats {
  readonly inbox: InboxStats;
  /** Deliveries by the code of their reply. */
  readonly replies: Readonly<Partial<Record<ReplyCode, number>>>;
  /**
   * Refused deliveries by the fault of their token. `unknown_key`: made with another secret, as by a
   * process that is configured differently.
   */
  readonly refusedTokens: Readonly<Partial<Record<TokenRefusal, number>>>;
  /** Attempts by outcome. */
  readonly outcomes: Readonly<Record<Outcome['type'], number>>;
  /**
   * Milliseconds since workers of this receiver get no answer of the Task Result API; `null` if they do,
   * or have not asked lately. Meanwhile events wait (`confirm`), and so do awaited tasks.
   */
  readonly apiDownMs: number | null;
  /** What asking for results of expected tasks gave. */
  readonly sweep: SweepCounts;
  /** Later events with another status than the first event of their task. */
  readonly conflicts: number;
  /** Events whose status the Task Result API contradicted (`confirm`). The API wins. */
  readonly disagreements: number;
  /** Progress and other events that were not handled, because too many were running. */
  readonly dropped: number;
}

/** Counters of one receiver. */
export interface Counters {
  reply(code: ReplyCode): void;
  refusal(verdict: TokenRefusal): void;
  conflict(): void;
  disagreement(): void;
  read(): Pick<ReceiverStats, 'replies' | 'refusedTokens' | 'conflicts' | 'disagreements'>;
}

/** Counts what the deliveries of a receiver cause. */
export function createCounters(): Counters {
  const replies: Partial<Record<ReplyCode, number>> = {};
  const refusedTokens: Partial<Record<TokenRefusal, number>> = {};
  let [conflicts, disagreements] = [0, 0];
  return {
    reply: (code) => void (replies[code] = (replies[code] ?? 0) + 1),
    refusal: (verdict) => void (refusedTokens[verdict] = (refusedTokens[verdict] ?? 0) + 1),
    conflict: () => void (conflicts += 1),
    disagreement: () => void (disagreements += 1),
    read: () => ({
      ...{ replies: { ...replies }, refusedTokens: { ...refusedTokens } },
      ...{ conflicts, disagreements },
    }),
  };
}

/** The parts of a receiver that count. */
interface CountingParts {
  readonly inbox: Pick<Inbox, 'stats'>;
  readonly counters: Counters;
  readonly worker: { outcomes(): ReceiverStats['outcomes'] };
  readonly sweep: { counts(): SweepCounts };
  readonly apiDownMs: () => number | null;
  readonly bestEffortEvents: { dropped(): number };
}

/** What `receiver.stats()` returns. */
export async function readStats(parts: CountingParts): Promise<ReceiverStats> {
  const { inbox, counters, worker, sweep, bestEffortEvents, apiDownMs } = parts;
  const outcomes = worker.outcomes();
  return {
    ...{ inbox: await inbox.stats(), ...counters.read(), outcomes, apiDownMs: apiDownMs() },
    ...{ sweep: sweep.counts(), dropped: bestEffortEvents.dropped() },
  };
}
