// Compares the inboxes behind three servers. See bench/README.md.
import type { EngineName } from '../lib/engines/engine.ts';
import { findEngines } from '../lib/engines/find-engines.ts';
import { FRAMEWORKS, type Framework } from '../lib/server/protocol.ts';
import { readNumbers } from '../lib/read-numbers.ts';
import { bundle, type Bundles } from '../lib/bundle.ts';
import { readEventTemplate } from '../lib/event-template.ts';
import { describeMachine } from '../lib/describe-machine.ts';
import {
  startLoadGenerator,
  startServerUnderLoad,
  type LoadGenerator,
  type Round,
  type RoundLoad,
  type ServerUnderLoad,
} from '../lib/server-under-load.ts';
import { medianOf, range } from '../lib/statistics.ts';
import { printTable } from '../lib/print-table.ts';
import { runInTurns } from '../lib/run-in-turns.ts';

const CONNECTIONS = 50;
const WARM_UP_SECONDS = 2;

/** Target: requests per second in proportion to the memory inbox. */
const MIN_RATIO: Readonly<Record<Framework, number>> = {
  express: 0.75,
  fastify: 0.5,
  'node:http': 0.5,
};
/** Target: p99 in proportion to the memory inbox. */
const MAX_P99_RATIO = 3;

const { rounds, seconds, concurrency } = readNumbers({ rounds: 5, seconds: 5, concurrency: 50 });

interface Comparison {
  readonly framework: Framework;
  /** The rounds of each inbox. */
  readonly rounds: ReadonlyMap<EngineName, readonly Round[]>;
}

async function compare(
  framework: Framework,
  inboxes: readonly EngineName[],
  bundles: Bundles,
  generator: LoadGenerator,
): Promise<Comparison> {
  const subjects: { inbox: EngineName; server: ServerUnderLoad; measured: Round[] }[] = [];
  for (const inbox of inboxes) {
    const options = { bundles, generator, framework, inbox, concurrency };
    subjects.push({ inbox, server: await startServerUnderLoad(options), measured: [] });
  }
  for (const { server } of subjects) await server.round(closedLoop(WARM_UP_SECONDS));
  await runInTurns(rounds, subjects, async ({ server, measured }) => {
    measured.push(await server.round(closedLoop(seconds)));
  });
  for (const { server } of subjects) await server.end();
  return { framework, rounds: new Map(subjects.map(({ inbox, measured }) => [inbox, measured])) };
}

function closedLoop(duration: number): RoundLoad {
  return { type: 'closed-loop', connections: CONNECTIONS, seconds: duration };
}

const HEAD = [
  'server, inbox',
  'requests/s',
  'range',
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
    range(all.map(({ perSecond }) => perSecond)),
    figure(0, ({ handledPerSecond }) => handledPerSecond),
    figure(1, ({ p50 }) => p50),
    figure(1, ({ p99 }) => p99),
    figure(0, ({ max }) => max),
    figure(0, ({ drainMs }) => drainMs),
    figure(3, ({ eventLoop, acknowledged }) => eventLoop.cpuMs / acknowledged),
    figure(2, ({ eventLoop }) => eventLoop.utilization),
    figure(2, ({ generatorUtilization }) => generatorUtilization),
  ];
}

/** PostgreSQL and Redis have no target: here they share the cores with their clients. */
function toRatioRow({ framework, rounds }: Comparison, inbox: EngineName): string[] {
  const all = rounds.get(inbox) ?? [];
  const memory = rounds.get('memory') ?? [];
  const ratio = (of: (round: Round) => number) => medianOf(all, of) / medianOf(memory, of);
  const perSecond = ratio((round) => round.perSecond);
  const handled = ratio((round) => round.handledPerSecond);
  const p99 = ratio((round) => round.p99);
  const min = MIN_RATIO[framework];
  const hasTarget = inbox === 'sqlite';
  const isMet = perSecond >= min && p99 <= MAX_P99_RATIO;
  return [
    `${framework}, ${inbox}`,
    `${perSecond.toFixed(2)}${hasTarget ? ` (≥ ${min})` : ''}`,
    handled.toFixed(2),
    `${p99.toFixed(2)}${hasTarget ? ` (≤ ${MAX_P99_RATIO})` : ''}`,
    hasTarget ? (isMet ? 'met' : 'MISSED') : '–',
  ];
}

/** Above this utilization, the load generator limits the measurement. */
const MAX_GENERATOR_UTILIZATION = 0.9;

function warnIfGeneratorIsBusy(all: readonly Round[]): void {
  const busiest = Math.max(...all.map(({ generatorUtilization }) => generatorUtilization));
  if (busiest < MAX_GENERATOR_UTILIZATION) return;
  console.log(`bench: the load generator was ${busiest.toFixed(2)} busy and limited the figures.`);
}

const bundles = await bundle();
const template = readEventTemplate();
console.log(describeMachine(template));
const inboxes = await findEngines();
console.log(
  `${rounds} rounds of ${seconds} s in turns, ${CONNECTIONS} connections, ` +
    `${concurrency} handlers at the same time; medians`,
);

const generator = startLoadGenerator(bundles, template);
const comparisons: Comparison[] = [];
for (const framework of FRAMEWORKS) {
  comparisons.push(await compare(framework, inboxes, bundles, generator));
}
await generator.end();

printTable(
  'Inboxes behind three servers',
  HEAD,
  comparisons.flatMap(({ framework, rounds: byInbox }) =>
    [...byInbox].map(([inbox, all]) => toRow(`${framework}, ${inbox}`, all)),
  ),
);
if (inboxes.includes('memory')) {
  printTable(
    'In proportion to the memory inbox',
    ['server', 'requests/s', 'handled/s', 'p99', 'target'],
    comparisons.flatMap((one) =>
      inboxes.filter((name) => name !== 'memory').map((inbox) => toRatioRow(one, inbox)),
    ),
  );
}
warnIfGeneratorIsBusy(comparisons.flatMap((one) => [...one.rounds.values()].flat()));
console.log('All replies were 200. Each inbox has all acknowledged events, handled once.');
