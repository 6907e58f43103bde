import type { EntryState } from '@novita-webhooks/core';
import { join } from 'node:path';

import type { Random } from '../support/random.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { runCycle, type Cycle, type Load } from './cycle.ts';
import type { Engine } from './engine.ts';
import { freeze, type Freeze } from './freeze.ts';
import { followHistory, openHistory, type HistoryRecord } from './history.ts';
import type { SeriesPlan } from './plan.ts';
import type { ServerOptions } from './protocol.ts';
import { createSender, type Sender } from './sender.ts';
import { createServerPool, type ServerPool } from './server-pool.ts';
import type { ServerProcess } from './start-server.ts';

/** What a series has recorded. The checker compares it with the guarantees of an inbox. */
export interface Series {
  readonly cycles: readonly Cycle[];
  readonly freeze: Freeze | null;
  /** The row of the results table, by task id. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** The state of each acknowledged task in the inbox; `null`: the inbox does not have it. */
  readonly states: ReadonlyMap<string, EntryState | null>;
  /** Number of ledger rows by task id; `null` without transactions. */
  readonly ledger: Readonly<Record<string, number>> | null;
  readonly history: readonly HistoryRecord[];
  /** Processes that crashed, did not respond or did not handle all entries, a line each. */
  readonly processFailures: readonly string[];
}

export interface SeriesOptions {
  /** Must be inside the repository. The caller removes it. */
  readonly folder: string;
  readonly program: string;
  readonly engineName: string;
  readonly engine: Engine;
  readonly load: Load;
  readonly number: number;
}

const SECRET = 'a secret for the crash test, long enough';

/** Runs cycles on one inbox. Then one process handles the rest, and the final state is read. */
export async function runSeries(
  plan: SeriesPlan,
  options: SeriesOptions,
  random: Random,
): Promise<Series> {
  const { folder, engine, number } = options;
  const place = await engine.createPlace(folder, `series-${number}`);
  const historyFile = join(folder, `series-${number}.history`);
  const { write, close } = openHistory(historyFile);
  const readHistory = followHistory(historyFile);
  const proxy = await startTcpProxy([]);
  const sender = await createSender(`http://127.0.0.1:${proxy.port}`, SECRET);
  const common = toServerOptions(options, place.location, historyFile);
  const pool = createServerPool(options.program, common, proxy, write);
  try {
    const cycles: Cycle[] = [];
    for (const cycle of plan) cycles.push(await runCycle(pool, sender, cycle, options.load));
    const unfinished = [...(await drain(pool, sender)).unfinished];
    const frozen = engine.shared ? await freeze(pool, sender, random, readHistory) : null;
    const { last, ...end } = await drain(pool, sender);
    unfinished.push(...end.unfinished);
    const finalState = await readFinalState(last, sender);
    await pool.close(last);
    return {
      ...finalState,
      cycles,
      freeze: frozen,
      acknowledged: sender.acknowledged,
      history: readHistory(),
      processFailures: [...pool.failures, ...unfinished],
    };
  } finally {
    await pool.killAll();
    await sender.close();
    await proxy.close();
    close();
    await place.remove();
  }
}

function toServerOptions(
  { engineName, number }: SeriesOptions,
  location: string,
  history: string,
): ServerOptions {
  return {
    server: `${number}-`,
    engine: engineName,
    location,
    history,
    secret: SECRET,
    cleanupIntervalMs: 60_000,
    handlerMs: null,
    armed: null,
    expiredEntries: 0,
    watched: false,
  };
}

/** Replaces all processes by one without kill points, which handles all entries that are left. */
async function drain(
  pool: ServerPool,
  sender: Sender,
): Promise<{ readonly last: ServerProcess; readonly unfinished: readonly string[] }> {
  await Promise.all(pool.alive().map((server) => pool.close(server)));
  const last = await pool.start({});
  await sender.idle();
  return { last, unfinished: await last.request('drain') };
}

async function readFinalState(
  server: ServerProcess,
  { acknowledged }: Sender,
): Promise<Pick<Series, 'states' | 'ledger'>> {
  const taskIds = [...acknowledged.keys()];
  const states = await server.request('states', taskIds);
  const ledger = await server.request('ledger');
  return { states: new Map(taskIds.map((id, index) => [id, states[index] ?? null])), ledger };
}
