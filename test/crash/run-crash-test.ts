import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { bundleVictim } from './bundle-server.ts';
import type { Load } from './cycle.ts';
import { engines } from './engines/index.ts';
import { judge, type Verdict } from './checker.ts';
import { planAgain, planSeries, type SeriesPlan } from './plan.ts';
import type { PointName } from './kill-points.ts';
import { createRandom } from '../support/random.ts';
import { runSeries, type Series } from './series.ts';

export interface RunOptions {
  readonly engine: string;
  readonly cycles: number;
  readonly seed: number;
  readonly load: Load;
  /** Called after each series. */
  readonly onSeries?: (all: readonly Series[], of: number) => void;
}

const cache = fileURLToPath(new URL('../../.cache', import.meta.url));

/** Kills processes for as many cycles as asked for, and says what came of it. */
export async function run({ engine: engineName, ...options }: RunOptions): Promise<Verdict> {
  const engine = engines[engineName];
  if (engine === undefined) {
    throw new Error(`there is no engine ${engineName}, only ${Object.keys(engines).join(', ')}`);
  }
  const random = createRandom(options.seed);
  const plans = planSeries(options.cycles, options.load.events, engine, random);
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'crash-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove); // also when it is interrupted
  try {
    const program = await bundleVictim(folder);
    const all: Series[] = [];
    const runNext = async (plan: SeriesPlan) => {
      const number = all.length + 1;
      const how = { folder, program, engineName, engine, load: options.load, number };
      all.push(await runSeries(plan, how, random));
      options.onSeries?.(all, plans.length);
    };
    for (const plan of plans) await runNext(plan);
    const missed = missedPoints(all);
    if (missed.length > 0) await runNext(planAgain(missed));
    return judge(all, engine.points);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

/** What was tried and never hit: a matter of chance, as long as it is not for good. */
function missedPoints(all: readonly Series[]): readonly PointName[] {
  const cycles = all.flatMap((series) => series.cycles);
  const tried = new Set(cycles.map(({ point }) => point));
  for (const { point, hits } of cycles) if (hits > 0) tried.delete(point);
  return [...tried];
}
