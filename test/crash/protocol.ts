import type { EntryState } from '@novita-webhooks/core';

import type { Arm } from './kill-points.ts';

/** What a victim is told when it is started. */
export interface VictimOptions {
  /** Its name in the journal. */
  readonly victim: string;
  readonly engine: string;
  readonly location: string;
  readonly journal: string;
  readonly secret: string;
  readonly leaseDurationMs: number;
  readonly cleanupIntervalMs: number;
  /** How long each handler takes, in milliseconds; `null`: it depends on the task. */
  readonly handlerMs: number | null;
  readonly arm: Arm | null;
  /** Done entries past their retention that it puts in first, for a purge to find. */
  readonly oldEntries: number;
  /** Whether it may be armed at a point that the engine knows of. */
  readonly watched: boolean;
}

/** What a victim can be asked, and what it answers. */
export interface Questions {
  /** Resolves when nothing waits and nothing runs, or after a minute. */
  readonly drain: () => null;
  /** The state of each entry; `null`: there is no such entry. */
  readonly states: (taskIds: readonly string[]) => (EntryState | null)[];
  /** Rows of the ledger by task; `null`: the inbox has no transactions. */
  readonly ledger: () => Readonly<Record<string, number>> | null;
  /** How many outcomes were recorded. */
  readonly settled: () => number;
  /** Closes the receiver; the process ends by itself then. */
  readonly close: () => null;
}

export interface Question {
  readonly id: number;
  readonly name: keyof Questions;
  readonly args: readonly unknown[];
}

/** `id` 0 is the first message: where the victim listens. */
export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}
