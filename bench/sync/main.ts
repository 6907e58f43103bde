// Three ways to have an event on disk before it is acknowledged. See README.md.
import type { Framework, Subject } from '../lib/server/protocol.ts';
import { readNumbers } from '../lib/read-numbers.ts';
import { bundle, type Bundles } from '../lib/bundle.ts';
import { readEventTemplate } from '../lib/event-template.ts';
import { describeMachine } from '../lib/describe-machine.ts';
import {
  startLoadGenerator,
  startScene,
  type LoadGenerator,
  type Round,
  type RoundLoad,
  type Scene,
} from '../lib/server-under-load.ts';
import { slowDisk, whyNoSlowDisk } from './slow-disk.ts';
import { medianOf } from '../lib/statistics.ts';
import { printTable } from '../lib/print-table.ts';

const CONNECTIONS = 50;
const PER_SECOND = 200;
const SLOWER_BY_MS = 10;
const CONCURRENCY = 50;
const WARM_UP_SECONDS = 1;

type Strategy = Exclude<Subject, 'postgres' | 'bullmq'>;

const STRATEGIES: Readonly<Record<Strategy, string>> = {
  memory: 'none: in memory',
  full: 'A: commits sync on the event loop',
  sqlite: 'B: the package, syncs beside it',
  thread: 'C: the store in a thread',
};

const { rounds, seconds } = readNumbers({ rounds: 3, seconds: 3 });

interface Disk {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Measured {
  readonly disk: Disk;
  readonly framework: Framework;
  readonly subject: Strategy;
  /** As many requests as the server takes. */
  readonly full: readonly Round[];
  /** A modest rate. */
  readonly modest: readonly Round[];
}

const closed = (seconds: number): RoundLoad => ({
  type: 'closed',
  connections: CONNECTIONS,
  seconds,
});
const paced = (seconds: number): RoundLoad => ({ type: 'paced', perSecond: PER_SECOND, seconds });

async function measure(
  disk: Disk,
  framework: Framework,
  bundles: Bundles,
  generator: LoadGenerator,
): Promise<Measured[]> {
  const subjects = Object.keys(STRATEGIES) as Strategy[];
  const under: { subject: Strategy; scene: Scene; full: Round[]; modest: Round[] }[] = [];
  for (const subject of subjects) {
    const options = { framework, subject, concurrency: CONCURRENCY, env: disk.env };
    const scene = await startScene({ bundles, generator, ...options });
    under.push({ subject, scene, full: [], modest: [] });
  }
  for (const { scene } of under) await scene.round(closed(WARM_UP_SECONDS));
  for (let round = 0; round < rounds; round += 1) {
    // In turns, and backwards every other time: what disturbs one disturbs the others as well.
    for (const { scene, full, modest } of round % 2 === 0 ? under : [...under].reverse()) {
      full.push(await scene.round(closed(seconds)));
      modest.push(await scene.round(paced(seconds)));
    }
  }
  for (const { scene } of under) await scene.end();
  return under.map(({ subject, full, modest }) => ({ disk, framework, subject, full, modest }));
}

const HEAD = [
  'disk, server, strategy',
  'requests/s',
  'handled/s',
  'p99 ms',
  'CPU ms/req',
  'loop busy',
  `p50 ms at ${PER_SECOND}/s`,
  'p99 ms',
  'loop late: p99 ms',
  'max ms',
  'loop busy',
];

function toRow({ disk, framework, subject, full, modest }: Measured): string[] {
  const figure = (all: readonly Round[], digits: number, of: (round: Round) => number) =>
    medianOf(all, of).toFixed(digits);
  return [
    `${disk.name}, ${framework}, ${STRATEGIES[subject]}`,
    figure(full, 0, ({ perSecond }) => perSecond),
    figure(full, 0, ({ handledPerSecond }) => handledPerSecond),
    figure(full, 1, ({ p99 }) => p99),
    figure(full, 3, ({ server, acknowledged }) => server.cpuMs / acknowledged),
    figure(full, 2, ({ server }) => server.utilization),
    figure(modest, 1, ({ p50 }) => p50),
    figure(modest, 1, ({ p99 }) => p99),
    figure(modest, 1, ({ server }) => server.delayP99),
    figure(modest, 1, ({ server }) => server.delayMax),
    figure(modest, 2, ({ server }) => server.utilization),
  ];
}

function findDisks(): Disk[] {
  const thisOne: Disk = { name: 'this disk', env: {} };
  const why = whyNoSlowDisk();
  if (why === undefined) {
    return [thisOne, { name: `+${SLOWER_BY_MS} ms per sync`, env: slowDisk(SLOWER_BY_MS) }];
  }
  console.log(`no slow disk: ${why}`);
  return [thisOne];
}

const bundles = await bundle();
const template = readEventTemplate();
console.log(describeMachine(template));
console.log(
  `${rounds} rounds of ${seconds} s each with ${CONNECTIONS} connections and at ${PER_SECOND} ` +
    'requests/s, in turns; medians',
);

const generator = startLoadGenerator(bundles, template);
const measured: Measured[] = [];
for (const disk of findDisks()) {
  for (const framework of ['node:http', 'express'] as const) {
    measured.push(...(await measure(disk, framework, bundles, generator)));
  }
}
await generator.end();

printTable('On disk before it is acknowledged', HEAD, measured.map(toRow));
console.log('All answers were 200; the files hold what was acknowledged, all of it handled, once.');
