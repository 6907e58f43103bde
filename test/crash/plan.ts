import type { Engine } from './engine.ts';
import { KILL_POINTS, type KillPointName } from './kill-points.ts';
import type { Random } from '../support/random.ts';

/** One cycle: server processes under load, some of which are killed. */
export interface CyclePlan {
  readonly point: KillPointName;
  /**
   * One number for each process that is killed: it dies when it reaches the point for the n-th time.
   * For the point `random` it is a delay in milliseconds.
   */
  readonly triggers: readonly number[];
  /** Number of processes that are not killed. */
  readonly survivors: number;
  /** Whether the inbox of the killed processes is opened without instrumentation, if possible. */
  readonly unwatched: boolean;
}

/** Cycles on one inbox, which is new in the first cycle. */
export type SeriesPlan = readonly CyclePlan[];

const MAX_CYCLES_PER_SERIES = 24;
/** Share of the cycles with several processes. */
const SHARED_RATIO = 0.4;
const MAX_RANDOM_DELAY_MS = 700;

/** Plans all kill points equally often. Each series begins with the migration of its inbox. */
export function planSeries(
  cycles: number,
  events: number,
  { killPoints, shared }: Pick<Engine, 'killPoints' | 'shared'>,
  random: Random,
): SeriesPlan[] {
  const count = Math.max(Math.min(2, cycles), Math.ceil(cycles / MAX_CYCLES_PER_SERIES));
  const others = killPoints.filter((point) => point !== 'migration');
  const first: readonly KillPointName[] = killPoints.includes('migration') ? ['migration'] : [];
  let deck: KillPointName[] = [];

  function nextPoint(): KillPointName {
    if (deck.length === 0) deck = random.shuffled(others);
    return deck.pop() ?? 'random';
  }

  return Array.from({ length: count }, (_, index) => {
    const length =
      Math.floor((cycles * (index + 1)) / count) - Math.floor((cycles * index) / count);
    const rest = Array.from({ length: length - first.length }, nextPoint);
    return [...first, ...rest].map((point) => planCycle(point, events, shared, random));
  });
}

/** Plans another cycle for each point that no process has reached; it is due at the first time. */
export function planMissedPoints(missed: readonly KillPointName[]): SeriesPlan {
  return missed.map((point) => ({ point, triggers: [1], survivors: 0, unwatched: false }));
}

function planCycle(
  point: KillPointName,
  events: number,
  shared: boolean,
  random: Random,
): CyclePlan {
  const processes = shared && random.next() < SHARED_RATIO ? random.between(2, 4) : 1;
  const kills = random.between(1, Math.max(1, processes - 1));
  const { maxNth } = KILL_POINTS[point];
  // The process must reach the point: survivors get a share of the events.
  const max = maxNth === 'event' ? Math.ceil((events * 0.4) / processes) : maxNth;
  return {
    point,
    triggers: Array.from({ length: kills }, () =>
      random.between(1, point === 'random' ? MAX_RANDOM_DELAY_MS : max),
    ),
    survivors: processes - kills,
    unwatched: random.next() < 0.5,
  };
}
