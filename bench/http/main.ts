// What it costs a server to keep events on disk instead of in memory. See README.md.
import type { EngineName } from '../lib/engines/engine.ts';
import { findEngines } from '../lib/engines/find-engines.ts';
import { FRAMEWORKS, type Framework } from '../lib/server/protocol.ts';
import { readNumbers } from '../lib/read-numbers.ts';
import { bundle, type Bundles } from '../lib/bundle.ts';
import { readEventTemplate } from '../lib/event-template.ts';
import { describeMachine } from '../lib/describe-machine.ts';
import {
  startLoadGenerator,
  startScene,
  type LoadGenerator,
  type Round,
  type Scene,
} from '../lib/server-under-load.ts';
import { medianOf, spread } from '../lib/statistics.ts';
import { printTable } from '../lib/print-table.ts';

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
  /** Of every inbox; the first one is what the others are seen beside. */
  readonly figures: ReadonlyMap<EngineName, readonly Round[]>;
}

async function compare(
  framework: Framework,
  subjects: readonly EngineName[],
  bundles: Bundles,
  generator: LoadGenerator,
): Promise<Compared> {
  const scenes: { subject: EngineName; scene: Scene; all: Round[] }[] = [];
  for (const subject of subjects) {
    const scene = await startScene({ bundles, generator, framework, subject, concurrency });
    scenes.push({ subject, scene, all: [] });
  }
  await warmUp(scenes.map(({ scene }) => scene));
  for (let round = 0; round < rounds; round += 1) {
    // In turns, and backwards every other time: what disturbs one disturbs the others as well.
    for (const { scene, all } of round % 2 === 0 ? scenes : [...scenes].reverse()) {
      all.push(await scene.round({ type: 'closed', connections: CONNECTIONS, seconds }));
    }
  }
  for (const { scene } of scenes) await scene.end();
  return { framework, figures: new Map(scenes.map(({ subject, all }) => [subject, all])) };
}

async function warmUp(scenes: readonly Scene[]): Promise<void> {
  for (const scene of scenes) {
    await scene.round({ type: 'closed', connections: CONNECTIONS, seconds: WARM_UP_SECONDS });
  }
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

/** What is on a server is not judged: it has the same two cores to itself here. */
function judge({ framework, figures }: Compared, subject: EngineName): string[] {
  const all = figures.get(subject) ?? [];
  const memory = figures.get('memory') ?? [];
  const ratio = (of: (round: Round) => number) => medianOf(all, of) / medianOf(memory, of);
  const perSecond = ratio((round) => round.perSecond);
  const handled = ratio((round) => round.handledPerSecond);
  const p99 = ratio((round) => round.p99);
  const least = LEAST_RATIO[framework];
  const hasTarget = subject === 'sqlite';
  const isMet = perSecond >= least && p99 <= MOST_P99_RATIO;
  return [
    `${framework}, ${subject}`,
    `${perSecond.toFixed(2)}${hasTarget ? ` (≥ ${least})` : ''}`,
    handled.toFixed(2),
    `${p99.toFixed(2)}${hasTarget ? ` (≤ ${MOST_P99_RATIO})` : ''}`,
    hasTarget ? (isMet ? 'met' : 'MISSED') : '–',
  ];
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
const subjects = await findEngines();
console.log(
  `${rounds} rounds of ${seconds} s in turns, ${CONNECTIONS} connections, ` +
    `${concurrency} entries handled at the same time; medians`,
);

const generator = startLoadGenerator(bundles, template);
const compared: Compared[] = [];
for (const framework of FRAMEWORKS) {
  compared.push(await compare(framework, subjects, bundles, generator));
}
await generator.end();

printTable(
  'The inbox in memory and those that last',
  HEAD,
  compared.flatMap(({ framework, figures }) =>
    [...figures].map(([subject, all]) => toRow(`${framework}, ${subject}`, all)),
  ),
);
if (subjects.includes('memory')) {
  printTable(
    'In proportion to memory',
    ['server', 'requests/s', 'handled/s', 'p99', 'target'],
    compared.flatMap((one) =>
      subjects.filter((name) => name !== 'memory').map((subject) => judge(one, subject)),
    ),
  );
}
warnOfGenerator(compared.flatMap(({ figures }) => [...figures.values()].flat()));
console.log('All answers were 200; the inboxes hold what was acknowledged, all handled, once.');
