/** A moment at which a process can be killed. */
export interface Point {
  readonly title: string;
  /**
   * The kill comes at the n-th time that the moment is there; n is drawn from 1 to this. `'event'`:
   * it is there once for each event.
   */
  readonly upTo: number | 'event';
}

/** In the order of an event's way. Those that are there once for each event work with any engine. */
export const POINTS = {
  migration: { title: 'in the migration of a fresh file', upTo: 7 },
  purge: { title: 'in a purge', upTo: 5 },
  commit: { title: 'before the commit of an event', upTo: 3 },
  committed: { title: 'committed, not yet synced', upTo: 3 },
  claim: { title: 'in a claim', upTo: 6 },
  answer: { title: 'after the commit, before the answer', upTo: 'event' },
  handler: { title: 'during a handler', upTo: 'event' },
  handled: { title: 'after the handler, before the settle', upTo: 'event' },
  transaction: { title: 'in the transaction of a handler', upTo: 40 },
  settle: { title: 'in the settle', upTo: 8 },
  random: { title: 'at random', upTo: 1 },
} as const satisfies Readonly<Record<string, Point>>;

/** The name of a kill point. */
export type PointName = keyof typeof POINTS;

export const POINT_NAMES = Object.keys(POINTS) as readonly PointName[];

/** Where a process is to be stopped for good, or only for a while. */
export interface Arm {
  readonly point: PointName;
  readonly nth: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}
