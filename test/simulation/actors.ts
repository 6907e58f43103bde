// What the parts of a simulation know of each other.
import type { Claim, Receiver } from '@novita-webhooks/core';

import type { Owner } from './queue.ts';

/** Where the seed may end a process. */
export const CRASH_POINTS = [
  'before add',
  'after add',
  'before claim',
  'after claim',
  'before extend',
  'after extend',
  'before settle',
  'after settle',
  'before recordSucceeded',
  'after recordSucceeded',
  'before reply',
  'after reply',
  'in a handler',
  'after a handler',
  'after a submit call',
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

export interface Reply {
  readonly status: number;
  readonly body: string;
}

/** One run of a receiver's program, from its start to its end. */
export interface Process {
  readonly owner: Owner;
  readonly receiver: Receiver;
  /** When calls were sent that failed. */
  readonly failedCalls: number[];
  /** Lets something happen in this process, late as timers are. @returns a function that cancels it */
  after(delayMs: number, label: string, happen: () => void): () => void;
  pause(delayMs: number, label: string): Promise<void>;
  /** The process has come to a crash point. */
  reach(point: CrashPoint): void;
  deliver(url: string, body: string, answer: (reply: Reply) => void): void;
  kill(): void;
  hasEnded(): boolean;
  stop(): void;
  resume(): void;
  /** Sets the time of day. */
  jump(ms: number): void;
  /** Goes on if it is stopped, and sets the time of day right. */
  heal(): void;
  /** Whether it stood still when another worker claimed an entry, or until a heartbeat before that. */
  stoodStill(at: number, claim: Claim): boolean;
  /** Whether it stood still, or a call to the database failed, since a time. */
  wasDisturbed(since: number): boolean;
}

/** A task of the vendor. */
export interface Task {
  readonly id: string;
  readonly status: 'TASK_STATUS_SUCCEED' | 'TASK_STATUS_FAILED';
  /** The callback URL, or `null`. */
  readonly url: string | null;
  /** What a handler does with it: kills its process each time, takes longer than a lease, or neither. */
  readonly kind: 'poison' | 'long' | 'plain';
  /** When the result is there. `Infinity`: it never is. */
  readonly finishesAt: number;
  /** Whether a delivery of its result was answered 2xx. */
  isAcknowledged: boolean;
  /** Whether the receiver has said that it awaits the result. */
  isExpected: boolean;
}
