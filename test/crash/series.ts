import type { EntryState } from '@novita-webhooks/core';
import { join } from 'node:path';

import { runCycle, type Cycle, type Load } from './cycle.ts';
import { openDoor } from './door.ts';
import type { Engine } from './engine.ts';
import { freeze, type Freeze } from './freeze.ts';
import { followJournal, openJournal, type Line } from './history.ts';
import { createNovita, type Novita } from './sender.ts';
import type { SeriesPlan } from './plan.ts';
import { createPool, type Pool } from './server-pool.ts';
import type { Random } from '../support/random.ts';
import type { VictimProcess } from './start-server.ts';

/** All that is known of a series at its end. */
export interface Series {
  readonly cycles: readonly Cycle[];
  readonly freeze: Freeze | null;
  /** By task id, the row to which it belongs. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** What the inbox says of the acknowledged tasks; `null`: it does not know them. */
  readonly states: ReadonlyMap<string, EntryState | null>;
  /** Rows by task id; `null` without transactions. */
  readonly ledger: Readonly<Record<string, number>> | null;
  readonly journal: readonly Line[];
  /** What should not have happened to any process. */
  readonly broken: readonly string[];
}

export interface SeriesOptions {
  /** Within the repository, and removed by the caller. */
  readonly folder: string;
  readonly program: string;
  readonly engineName: string;
  readonly engine: Engine;
  readonly load: Load;
  readonly number: number;
}

const SECRET = 'a secret for victims, long enough to sign with';
const LEASE_MS = 600;

/** Cycles on one file; then a calm process handles what is left, and everything is looked at. */
export async function runSeries(
  plan: SeriesPlan,
  options: SeriesOptions,
  random: Random,
): Promise<Series> {
  const { folder, engine, engineName, number } = options;
  const place = await engine.createPlace(folder, `series-${number}`);
  const journal = join(folder, `series-${number}.journal`);
  const { write, close } = openJournal(journal);
  const readJournal = followJournal(journal);
  const door = await openDoor();
  const novita = await createNovita(door.url, SECRET);
  const common = {
    victim: `${number}-`,
    engine: engineName,
    location: place.location,
    journal,
    secret: SECRET,
    leaseDurationMs: LEASE_MS,
    cleanupIntervalMs: 60_000,
    handlerMs: null,
    arm: null,
    oldEntries: 0,
    watched: false,
  };
  const pool = createPool(options.program, common, door, write);
  try {
    const cycles: Cycle[] = [];
    for (const cycle of plan) cycles.push(await runCycle(pool, novita, cycle, options.load));
    await calmDown(pool, novita);
    const frozen = engine.shared ? await freeze(pool, novita, random, readJournal) : null;
    const calm = await calmDown(pool, novita);
    const found = await lookAt(calm, novita);
    await pool.close(calm);
    const { acknowledged } = novita;
    const { broken } = pool;
    return { ...found, cycles, freeze: frozen, acknowledged, journal: readJournal(), broken };
  } finally {
    await pool.killAll();
    await novita.close();
    await door.close();
    close();
    await place.remove();
  }
}

/** One process without any trap takes what is left. */
async function calmDown(pool: Pool, novita: Novita): Promise<VictimProcess> {
  await Promise.all(pool.alive().map((victim) => pool.close(victim)));
  const calm = await pool.start({});
  await novita.idle();
  await calm.ask('drain');
  return calm;
}

async function lookAt(
  calm: VictimProcess,
  { acknowledged }: Novita,
): Promise<Pick<Series, 'states' | 'ledger'>> {
  const taskIds = [...acknowledged.keys()];
  const states = await calm.ask('states', taskIds);
  const ledger = await calm.ask('ledger');
  return { states: new Map(taskIds.map((id, index) => [id, states[index] ?? null])), ledger };
}
