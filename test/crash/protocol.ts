import type { EntryState } from '@novita-webhooks/core';

import type { ArmedPoint } from './kill-points.ts';

/** The argument of a server process. */
export interface ServerOptions {
  /** The name of the process in the history. */
  readonly server: string;
  readonly engine: string;
  readonly location: string;
  /** The path of the history file. */
  readonly history: string;
  readonly secret: string;
  readonly cleanupIntervalMs: number;
  /** How long each handler takes; `null`: it depends on the task. */
  readonly handlerMs: number | null;
  readonly armed: ArmedPoint | null;
  /** How many done entries past their retention the process adds first. */
  readonly expiredEntries: number;
  /** Whether the inbox reports the kill points inside the engine. */
  readonly watched: boolean;
}

/** What the test process can request of a server process, and the response. */
export interface Requests {
  /** Resolves when no entry is pending or running, or after a minute: with a line for some that are. */
  readonly drain: () => readonly string[];
  /** The state of each entry; `null`: the inbox does not have the entry. */
  readonly states: (taskIds: readonly string[]) => (EntryState | null)[];
  /** Number of ledger rows by task; `null`: the inbox has no transactions. */
  readonly ledger: () => Readonly<Record<string, number>> | null;
  /** Closes the receiver. Then the process ends by itself. */
  readonly close: () => null;
}

export interface RequestMessage {
  readonly id: number;
  readonly name: keyof Requests;
  readonly args: readonly unknown[];
}

/** `id` 0 is the first message: the port on which the server listens. */
export interface ResponseMessage {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}
