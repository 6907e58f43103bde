import type { Engine } from './engine.ts';
import { POINTS, type PointName } from './kill-points.ts';
import type { Random } from '../support/random.ts';

/** One cycle: some processes, some of which are killed under load. */
export interface CyclePlan {
  readonly point: PointName;
  /** One for each process to be killed: at which time that it is there, or after how many ms. */
  readonly nths: readonly number[];
  /** Processes that go on. */
  readonly survivors: number;
  /** Whether the processes to be killed are opened as users open them, if the point allows it. */
  readonly unwatched: boolean;
}

/** Cycles on one file, which is fresh in the first of them. */
export type SeriesPlan = readonly CyclePlan[];

const LONGEST_SERIES = 24;
const SHARED = 0.4;
const RANDOM_MS = 700;

/** Every point as often as any other; each series begins with the migration of its file. */
export function planSeries(
  cycles: number,
  events: number,
  { points, shared }: Pick<Engine, 'points' | 'shared'>,
  random: Random,
): SeriesPlan[] {
  const count = Math.max(Math.min(2, cycles), Math.ceil(cycles / LONGEST_SERIES));
  const others = points.filter((point) => point !== 'migration');
  const first: readonly PointName[] = points.includes('migration') ? ['migration'] : [];
  let deck: PointName[] = [];

  function nextPoint(): PointName {
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

/** Once more, and as soon as it is there, for points at which nothing was hit. */
export function planAgain(missed: readonly PointName[]): SeriesPlan {
  return missed.map((point) => ({ point, nths: [1], survivors: 0, unwatched: false }));
}

function planCycle(point: PointName, events: number, shared: boolean, random: Random): CyclePlan {
  const processes = shared && random.next() < SHARED ? random.between(2, 4) : 1;
  const kills = random.between(1, Math.max(1, processes - 1));
  const { upTo } = POINTS[point];
  // Well within the load, of which survivors get a share.
  const latest = upTo === 'event' ? Math.ceil((events * 0.4) / processes) : upTo;
  return {
    point,
    nths: Array.from({ length: kills }, () =>
      random.between(1, point === 'random' ? RANDOM_MS : latest),
    ),
    survivors: processes - kills,
    unwatched: random.next() < 0.5,
  };
}
