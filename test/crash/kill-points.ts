/** A moment at which a run kills a process. */
export interface KillPoint {
  readonly title: string;
  /**
   * The process dies when it reaches the point for the n-th time. A run draws n from 1 to this
   * number. `'event'`: each event passes the point once, so the number of events is the limit.
   */
  readonly maxNth: number | 'event';
}

/** In the order in which an event passes them. The points with `'event'` work with any engine. */
export const KILL_POINTS = {
  migration: { title: 'in the migration of a new inbox', maxNth: 7 },
  deleteExpired: { title: 'while expired entries are deleted', maxNth: 5 },
  commit: { title: 'before the commit of an event', maxNth: 3 },
  committed: { title: 'committed, not yet synced', maxNth: 3 },
  claim: { title: 'in a claim', maxNth: 6 },
  answer: { title: 'after the commit, before the reply', maxNth: 'event' },
  handler: { title: 'during a handler', maxNth: 'event' },
  handled: { title: 'after the handler, before the settle', maxNth: 'event' },
  transaction: { title: 'in the transaction of a handler', maxNth: 40 },
  settle: { title: 'in the settle', maxNth: 8 },
  random: { title: 'at random', maxNth: 1 },
} as const satisfies Readonly<Record<string, KillPoint>>;

export type KillPointName = keyof typeof KILL_POINTS;

export const KILL_POINT_NAMES = Object.keys(KILL_POINTS) as readonly KillPointName[];

/** The signal that a process sends to itself when it reaches a point for the n-th time. */
export interface ArmedPoint {
  readonly point: KillPointName;
  readonly nth: number;
  /** SIGKILL ends the process; SIGSTOP freezes it until it gets SIGCONT. */
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}
