// Compares three ways to sync an event to disk before the reply. See bench/README.md.
import type { Framework, InboxName } from '../lib/server/protocol.ts';
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
import { slowDisk, whyNoSlowDisk } from './slow-disk.ts';
import { medianOf } from '../lib/statistics.ts';
import { printTable } from '../lib/print-table.ts';
import { runInTurns } from '../lib/run-in-turns.ts';

const CONNECTIONS = 50;
const PER_SECOND = 200;
const SYNC_DELAY_MS = 10;
const CONCURRENCY = 50;
const WARM_UP_SECONDS = 1;

type Strategy = Exclude<InboxName, 'postgres' | 'bullmq'>;

const STRATEGIES: Readonly<Record<Strategy, string>> = {
  memory: 'none: in memory',
  'full-sync': 'A: commits sync on the event loop',
  sqlite: 'B: the package, syncs in a thread pool',
  thread: 'C: the store in a worker thread',
};

const { rounds, seconds } = readNumbers({ rounds: 3, seconds: 3 });

interface Disk {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Measured {
  readonly disk: Disk;
  readonly framework: Framework;
  readonly inbox: Strategy;
  /** At full load, with a closed loop. */
  readonly full: readonly Round[];
  /** At `PER_SECOND` requests per second, with an open loop. */
  readonly modest: readonly Round[];
}

const closedLoop = (duration: number): RoundLoad => ({
  type: 'closed-loop',
  connections: CONNECTIONS,
  seconds: duration,
});
const openLoop: RoundLoad = { type: 'open-loop', perSecond: PER_SECOND, seconds };

async function measure(
  disk: Disk,
  framework: Framework,
  bundles: Bundles,
  generator: LoadGenerator,
): Promise<Measured[]> {
  const subjects: { inbox: Strategy; server: ServerUnderLoad; full: Round[]; modest: Round[] }[] =
    [];
  for (const inbox of Object.keys(STRATEGIES) as Strategy[]) {
    const options = { framework, inbox, concurrency: CONCURRENCY, env: disk.env };
    const server = await startServerUnderLoad({ bundles, generator, ...options });
    subjects.push({ inbox, server, full: [], modest: [] });
  }
  for (const { server } of subjects) await server.round(closedLoop(WARM_UP_SECONDS));
  await runInTurns(rounds, subjects, async ({ server, full, modest }) => {
    full.push(await server.round(closedLoop(seconds)));
    modest.push(await server.round(openLoop));
  });
  for (const { server } of subjects) await server.end();
  return subjects.map(({ inbox, full, modest }) => ({ disk, framework, inbox, full, modest }));
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
  'timer delay: p99 ms',
  'max ms',
  'loop busy',
];

function toRow({ disk, framework, inbox, full, modest }: Measured): string[] {
  const figure = (all: readonly Round[], digits: number, of: (round: Round) => number) =>
    medianOf(all, of).toFixed(digits);
  return [
    `${disk.name}, ${framework}, ${STRATEGIES[inbox]}`,
    figure(full, 0, ({ perSecond }) => perSecond),
    figure(full, 0, ({ handledPerSecond }) => handledPerSecond),
    figure(full, 1, ({ p99 }) => p99),
    figure(full, 3, ({ eventLoop, acknowledged }) => eventLoop.cpuMs / acknowledged),
    figure(full, 2, ({ eventLoop }) => eventLoop.utilization),
    figure(modest, 1, ({ p50 }) => p50),
    figure(modest, 1, ({ p99 }) => p99),
    figure(modest, 1, ({ eventLoop }) => eventLoop.delayP99),
    figure(modest, 1, ({ eventLoop }) => eventLoop.delayMax),
    figure(modest, 2, ({ eventLoop }) => eventLoop.utilization),
  ];
}

function findDisks(): Disk[] {
  const thisDisk: Disk = { name: 'this disk', env: {} };
  const why = whyNoSlowDisk();
  if (why === undefined) {
    return [thisDisk, { name: `+${SYNC_DELAY_MS} ms per sync`, env: slowDisk(SYNC_DELAY_MS) }];
  }
  console.log(`bench: the slow disk is left out: ${why}.`);
  return [thisDisk];
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

printTable('Synced before the reply', HEAD, measured.map(toRow));
console.log('All replies were 200. Each file has all acknowledged events, handled once.');
