import { check } from '../lib/check.ts';
import type { StartOptions } from '../lib/child.ts';
import { runInTurns } from '../lib/run-in-turns.ts';
import { medianOf } from '../lib/statistics.ts';
import type { EngineName } from '../lib/engines/engine.ts';
import { engines } from '../lib/engines/index.ts';
import { startInboxProcesses, totalCpuMs, type InboxProcesses } from './inbox-processes.ts';

export interface AddOptions {
  readonly child: StartOptions;
  readonly rounds: number;
  readonly seconds: number;
}

/** One round. Latencies in milliseconds, CPU time in microseconds per event. */
interface AddRound {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly clientUs: number;
  readonly engineUs: number;
}

/** Rounds of the inbox and of the engine's own client. `plain` is empty without a client. */
export interface Adds {
  readonly inbox: readonly AddRound[];
  readonly plain: readonly AddRound[];
}

type ClientName = keyof Adds;

const CALLERS = 50;
const WARM_UP_SECONDS = 1;
/** Target: adds per second in proportion to the engine's own client. */
const MIN_RATIO = 0.8;

export async function measureAdds(engine: EngineName, options: AddOptions): Promise<Adds> {
  const { child } = options;
  const processes = await startInboxProcesses(engine, { child, workers: 0, concurrency: 10 });
  const clients: ClientName[] = engines[engine].plain === null ? ['inbox'] : ['inbox', 'plain'];
  const figures = { inbox: [] as AddRound[], plain: [] as AddRound[] };
  const counts = { inbox: 0, plain: 0 };
  const round = async (client: ClientName, seconds: number) => {
    const { count, ...measured } = await addRound(processes, client, seconds);
    counts[client] += count;
    return measured;
  };
  for (const client of clients) await round(client, WARM_UP_SECONDS);
  await runInTurns(options.rounds, clients, async (client) => {
    figures[client].push(await round(client, options.seconds));
  });
  const { unfinished, plain } = await processes.web.request({ type: 'count' });
  check(unfinished === counts.inbox, `${engine}: has ${unfinished} of ${counts.inbox} entries`);
  check(plain === counts.plain, `${engine}, own client: has ${plain} of ${counts.plain} entries`);
  await processes.end();
  return figures;
}

async function addRound(
  { web, place }: InboxProcesses,
  client: ClientName,
  seconds: number,
): Promise<AddRound & { readonly count: number }> {
  const before = [await totalCpuMs([web]), await place.cpuMs()] as const;
  const { added, cpuMs } = await web.request({ type: 'add', client, callers: CALLERS, seconds });
  const engineMs = (await place.cpuMs()) - before[1];
  const { count, p50, p99 } = added;
  check(count > 0, 'no event was added');
  return {
    count,
    p50,
    p99,
    perSecond: count / added.seconds,
    clientUs: ((cpuMs - before[0]) * 1000) / count,
    engineUs: (engineMs * 1000) / count,
  };
}

/** Returns the row that compares the inbox with the engine's own client, if there is one. */
export function toRatioRows(engine: EngineName, { inbox, plain }: Adds): string[][] {
  if (plain.length === 0) return [];
  const of = ({ perSecond }: AddRound) => perSecond;
  const ratio = medianOf(inbox, of) / medianOf(plain, of);
  const met = ratio >= MIN_RATIO ? 'met' : 'MISSED';
  return [[engine, `${ratio.toFixed(2)} (≥ ${MIN_RATIO})`, met]];
}
