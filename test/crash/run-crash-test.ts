import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createRandom } from '../support/random.ts';
import { bundleServer } from './bundle-server.ts';
import { checkSeries, type Results } from './checker.ts';
import type { Load } from './cycle.ts';
import { engines } from './engines/index.ts';
import type { KillPointName } from './kill-points.ts';
import { planMissedPoints, planSeries, type SeriesPlan } from './plan.ts';
import { runSeries, type Series } from './series.ts';

export interface CrashTestOptions {
  readonly engine: string;
  readonly cycles: number;
  readonly seed: number;
  readonly load: Load;
  /** Called after each series with all series so far and the planned number of series. */
  readonly onSeries?: (all: readonly Series[], planned: number) => void;
}

const cache = fileURLToPath(new URL('../../.cache', import.meta.url));

/** Kills server processes in the given number of cycles, and checks what they recorded. */
export async function runCrashTest(options: CrashTestOptions): Promise<Results> {
  const engine = engines[options.engine];
  if (engine === undefined) {
    const known = Object.keys(engines).join(', ');
    throw new Error(`crash test: there is no engine ${options.engine}. Use one of ${known}.`);
  }
  const random = createRandom(options.seed);
  const plans = planSeries(options.cycles, options.load.events, engine, random);
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'crash-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove); // for Ctrl-C
  try {
    const program = await bundleServer(folder);
    const all: Series[] = [];
    const runNext = async (plan: SeriesPlan) => {
      const { engine: engineName, load } = options;
      const number = all.length + 1;
      const seriesOptions = { folder, program, engineName, engine, load, number };
      all.push(await runSeries(plan, seriesOptions, random));
      options.onSeries?.(all, plans.length);
    };
    for (const plan of plans) await runNext(plan);
    const missed = findMissedPoints(all);
    if (missed.length > 0) await runNext(planMissedPoints(missed));
    return checkSeries(all, engine.killPoints);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

/** Kill points that no process has reached. One miss is chance; the extra series must reach them. */
function findMissedPoints(all: readonly Series[]): readonly KillPointName[] {
  const cycles = all.flatMap((series) => series.cycles);
  const planned = new Set(cycles.map(({ point }) => point));
  for (const { point, hits } of cycles) if (hits > 0) planned.delete(point);
  return [...planned];
}
