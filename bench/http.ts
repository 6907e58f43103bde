// What it costs a server to keep events on disk instead of in memory. See README.md.
import { FRAMEWORKS, type Framework } from './server/protocol.ts';
import { readNumbers } from './support/arguments.ts';
import { bundle, type Bundles } from './support/bundle.ts';
import { readEventTemplate } from './support/event.ts';
import { describeMachine } from './support/machine.ts';
import {
  startLoadGenerator,
  startScene,
  type LoadGenerator,
  type Round,
  type Scene,
} from './support/scene.ts';
import { medianOf, spread } from './support/statistics.ts';
import { printTable } from './support/table.ts';

const CONNECTIONS = 50;
const WARM_UP_SECONDS = 2;

/** Of the memory inbox's requests per second. */
const LEAST_RATIO: Readonly<Record<Framework, number>> = {
  express: 0.75,
  fastify: 0.5,
  'node:http': 0.5,
};
/** Of the memory inbox's p99. */
const MOST_P99_RATIO = 3;

const { rounds, seconds, concurrency } = readNumbers({ rounds: 5, seconds: 5, concurrency: 50 });

interface Compared {
  readonly framework: Framework;
  readonly memory: readonly Round[];
  readonly sqlite: readonly Round[];
}

async function compare(
  framework: Framework,
  bundles: Bundles,
  generator: LoadGenerator,
): Promise<Compared> {
  const start = (subject: 'memory' | 'sqlite') =>
    startScene({ bundles, generator, framework, subject, concurrency });
  const scenes = { memory: await start('memory'), sqlite: await start('sqlite') };
  const figures = { memory: [] as Round[], sqlite: [] as Round[] };
  await warmUp([scenes.memory, scenes.sqlite]);
  for (let round = 0; round < rounds; round += 1) {
    // In turns, and each first every other time: what disturbs one disturbs the other as well.
    for (const subject of inTurns(round)) {
      const load = { type: 'closed', connections: CONNECTIONS, seconds } as const;
      figures[subject].push(await scenes[subject].round(load));
    }
  }
  await scenes.memory.end();
  await scenes.sqlite.end();
  return { framework, ...figures };
}

async function warmUp(scenes: readonly Scene[]): Promise<void> {
  for (const scene of scenes) {
    await scene.round({ type: 'closed', connections: CONNECTIONS, seconds: WARM_UP_SECONDS });
  }
}

function inTurns(round: number): readonly ('memory' | 'sqlite')[] {
  return round % 2 === 0 ? ['memory', 'sqlite'] : ['sqlite', 'memory'];
}

const HEAD = [
  'server, inbox',
  'requests/s',
  'from…to',
  'handled/s',
  'p50 ms',
  'p99 ms',
  'max ms',
  'drain ms',
  'CPU ms/req',
  'loop busy',
  'generator busy',
];

function toRow(name: string, all: readonly Round[]): string[] {
  const figure = (digits: number, of: (round: Round) => number) =>
    medianOf(all, of).toFixed(digits);
  return [
    name,
    figure(0, ({ perSecond }) => perSecond),
    spread(all.map(({ perSecond }) => perSecond)),
    figure(0, ({ handledPerSecond }) => handledPerSecond),
    figure(1, ({ p50 }) => p50),
    figure(1, ({ p99 }) => p99),
    figure(0, ({ max }) => max),
    figure(0, ({ drainMs }) => drainMs),
    figure(3, ({ server, acknowledged }) => server.cpuMs / acknowledged),
    figure(2, ({ server }) => server.utilization),
    figure(2, ({ generatorUtilization }) => generatorUtilization),
  ];
}

interface Verdict {
  readonly row: readonly string[];
  readonly isMet: boolean;
}

function judge({ framework, memory, sqlite }: Compared): Verdict {
  const ratio = (of: (round: Round) => number) => medianOf(sqlite, of) / medianOf(memory, of);
  const perSecond = ratio((round) => round.perSecond);
  const handled = ratio((round) => round.handledPerSecond);
  const p99 = ratio((round) => round.p99);
  const least = LEAST_RATIO[framework];
  const isMet = perSecond >= least && p99 <= MOST_P99_RATIO;
  const row = [
    framework,
    `${perSecond.toFixed(2)} (≥ ${least})`,
    handled.toFixed(2),
    `${p99.toFixed(2)} (≤ ${MOST_P99_RATIO})`,
    isMet ? 'met' : 'MISSED',
  ];
  return { row, isMet };
}

/** Busier than this, the load generator is what limits the servers. */
const MOST_GENERATOR_BUSY = 0.9;

function warnOfGenerator(all: readonly Round[]): void {
  const busiest = Math.max(...all.map(({ generatorUtilization }) => generatorUtilization));
  if (busiest < MOST_GENERATOR_BUSY) return;
  console.log(`the load generator was ${busiest.toFixed(2)} busy: it limits what was measured`);
}

const bundles = await bundle();
const template = readEventTemplate();
console.log(describeMachine(template));
console.log(
  `${rounds} rounds of ${seconds} s in turns, ${CONNECTIONS} connections, ` +
    `${concurrency} entries handled at the same time; medians`,
);

const generator = startLoadGenerator(bundles, template);
const compared: Compared[] = [];
for (const framework of FRAMEWORKS) compared.push(await compare(framework, bundles, generator));
await generator.end();

printTable(
  'The inbox in memory and the one on disk',
  HEAD,
  compared.flatMap(({ framework, memory, sqlite }) => [
    toRow(`${framework}, memory`, memory),
    toRow(`${framework}, sqlite`, sqlite),
  ]),
);
const verdicts = compared.map(judge);
printTable(
  'sqlite in proportion to memory',
  ['server', 'requests/s', 'handled/s', 'p99', 'target'],
  verdicts.map(({ row }) => row),
);
warnOfGenerator(compared.flatMap(({ memory, sqlite }) => [...memory, ...sqlite]));
console.log('All answers were 200; the files hold what was acknowledged, all of it handled, once.');
