import { check } from '../lib/check.ts';
import type { StartOptions } from '../lib/child.ts';
import { medianOf } from '../lib/statistics.ts';
import type { EngineName } from '../lib/engines/engine.ts';
import { engines } from '../lib/engines/index.ts';
import { cpuOf, startTeam, type Team } from './inbox-processes.ts';

export interface AddOptions {
  readonly child: StartOptions;
  readonly rounds: number;
  readonly seconds: number;
}

/** One round. Latencies in milliseconds, processor time in microseconds per event. */
interface AddRound {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly clientUs: number;
  readonly engineUs: number;
}

/** The inbox, and the engine's own client; none of it where there is none. */
export interface Adds {
  readonly inbox: readonly AddRound[];
  readonly plain: readonly AddRound[];
}

type How = keyof Adds;

const CALLERS = 50;
const WARM_UP_SECONDS = 1;
/** Of what the engine's own client adds per second. */
const LEAST_RATIO = 0.8;

export async function measureAdds(engine: EngineName, options: AddOptions): Promise<Adds> {
  const team = await startTeam(engine, { child: options.child, workers: 0, concurrency: 10 });
  const hows: How[] = engines[engine].plain === 'none' ? ['inbox'] : ['inbox', 'plain'];
  const figures = { inbox: [] as AddRound[], plain: [] as AddRound[] };
  const counts = { inbox: 0, plain: 0 };
  const round = async (how: How, seconds: number) => {
    const { count, ...measured } = await addRound(team, how, seconds);
    counts[how] += count;
    return measured;
  };
  for (const how of hows) await round(how, WARM_UP_SECONDS);
  for (let index = 0; index < options.rounds; index += 1) {
    // In turns, and each first every other time: what disturbs one disturbs the other as well.
    for (const how of index % 2 === 0 ? hows : [...hows].reverse()) {
      figures[how].push(await round(how, options.seconds));
    }
  }
  const { open, plain } = await team.web.ask({ type: 'count' });
  check(open === counts.inbox, `${engine}: ${open} of ${counts.inbox} entries are there`);
  check(plain === counts.plain, `${engine}, plain: ${plain} of ${counts.plain} are there`);
  await team.end();
  return figures;
}

async function addRound(
  { web, place }: Team,
  how: How,
  seconds: number,
): Promise<AddRound & { readonly count: number }> {
  const before = [await cpuOf([web]), await place.cpuMs()] as const;
  const { added, cpuMs } = await web.ask({ type: 'add', how, callers: CALLERS, seconds });
  const engineMs = (await place.cpuMs()) - before[1];
  const { count, p50, p99 } = added;
  check(count > 0, 'nothing was added');
  return {
    count,
    p50,
    p99,
    perSecond: count / added.seconds,
    clientUs: ((cpuMs - before[0]) * 1000) / count,
    engineUs: (engineMs * 1000) / count,
  };
}

/** A row of the verdict; none where there is nothing to compare with. */
export function judgeAdds(engine: EngineName, { inbox, plain }: Adds): string[][] {
  if (plain.length === 0) return [];
  const of = ({ perSecond }: AddRound) => perSecond;
  const ratio = medianOf(inbox, of) / medianOf(plain, of);
  const met = ratio >= LEAST_RATIO ? 'met' : 'MISSED';
  return [[engine, `${ratio.toFixed(2)} (≥ ${LEAST_RATIO})`, met]];
}
