// Compares our receiver with other libraries and with bare frameworks. See bench/README.md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';

import { bundle, type Bundles } from '../lib/bundle.ts';
import { describeMachine } from '../lib/describe-machine.ts';
import { readEventTemplate } from '../lib/event-template.ts';
import { printTable } from '../lib/print-table.ts';
import { runInTurns } from '../lib/run-in-turns.ts';
import { median, medianOf, range } from '../lib/statistics.ts';
import { findCores } from './find-cores.ts';
import {
  startLoadProcess,
  startTarget,
  type Cores,
  type Measured,
  type MeasuredTarget,
} from './measured-target.ts';
import { allTargets, INBOXES, RATIOS, type InboxName } from './targets.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '50' },
    /** Only targets with such a name; can be given several times. */
    target: { type: 'string', multiple: true },
    inboxes: { type: 'string', default: 'memory,sqlite' },
    /** `both`, `pinned` (server on core 0, load on core 1) or `free`. */
    cores: { type: 'string', default: 'both' },
    json: { type: 'string', default: 'bench/node_modules/.cache/peers.json' },
  },
});
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
const connections = Number(values.connections);

const WARM_UP_EVENTS = 10_000;

interface Subject {
  readonly target: MeasuredTarget;
  readonly events: number;
  readonly measured: Measured[];
}

/** Rounds of one target, of about the same duration. The events of the warm-up do not come again. */
async function warmUp(target: MeasuredTarget): Promise<Subject> {
  await target.run({ events: WARM_UP_EVENTS, connections });
  const { perSecond } = await target.run({ events: WARM_UP_EVENTS / 4, connections });
  return { target, events: Math.ceil(perSecond * seconds), measured: [] };
}

async function measure(bundles: Bundles, cores: Cores | undefined): Promise<readonly Subject[]> {
  const load = startLoadProcess(bundles, template, cores);
  const names = values.target ?? allTargets(values.inboxes.split(',').filter(isInbox));
  const subjects: Subject[] = [];
  for (const name of names) {
    subjects.push(await warmUp(await startTarget(name, bundles, load, cores)));
  }
  await runInTurns(rounds, subjects, async ({ target, events, measured }) => {
    measured.push(await target.run({ events, connections }));
  });
  for (const { target } of subjects) await target.end();
  await load.end();
  return subjects;
}

function isInbox(name: string): name is InboxName {
  return (INBOXES as readonly string[]).includes(name);
}

const HEAD = ['target', 'requests/s', 'range', 'CPU µs/event', 'p50 ms', 'p99 ms', 'load busy'];

function toRow({ target, measured }: Subject): string[] {
  return [
    target.name,
    medianOf(measured, (it) => it.perSecond).toFixed(0),
    range(measured.map((it) => it.perSecond)),
    medianOf(measured, (it) => it.cpuMicrosPerEvent).toFixed(1),
    medianOf(measured, (it) => it.p50).toFixed(2),
    medianOf(measured, (it) => it.p99).toFixed(2),
    medianOf(measured, (it) => it.utilization).toFixed(2),
  ];
}

interface Ratio {
  readonly target: string;
  readonly reference: string;
  readonly requests: number;
  readonly cpu: number;
}

/** The median of the ratios of each round: what disturbs a round disturbs both of its parts. */
function toRatios(subjects: readonly Subject[]): Ratio[] {
  const roundsOf = (name: string) => subjects.find((it) => it.target.name === name)?.measured ?? [];
  return RATIOS.flatMap(([target, reference]) => {
    const [ours, theirs] = [roundsOf(target), roundsOf(reference)];
    if (ours.length === 0 || theirs.length === 0) return [];
    const ratioOf = (figure: (round: Measured) => number) =>
      median(ours.map((round, index) => figure(round) / figure(theirs[index] ?? round)));
    const requests = ratioOf((round) => round.perSecond);
    return [{ target, reference, requests, cpu: ratioOf((round) => round.cpuMicrosPerEvent) }];
  });
}

const bundles = await bundle();
const template = readEventTemplate();
console.log(describeMachine(template));
console.log(`${rounds} rounds of ${seconds} s in turns, ${connections} connections; medians`);

const pinned = findCores();
const modes = [
  ...(pinned && values.cores !== 'free'
    ? [{ name: 'one core for the server', cores: pinned }]
    : []),
  ...(!pinned || values.cores !== 'pinned' ? [{ name: 'not pinned', cores: undefined }] : []),
];

const results = [];
for (const { name, cores } of modes) {
  const subjects = await measure(bundles, cores);
  const ratios = toRatios(subjects);
  printTable(`Targets, ${name}`, HEAD, subjects.map(toRow));
  printTable(
    `Ratios, ${name}`,
    ['target / reference', 'requests/s', 'CPU per event'],
    ratios.map(({ target, reference, requests, cpu }) => [
      `${target} / ${reference}`,
      requests.toFixed(2),
      cpu.toFixed(2),
    ]),
  );
  const targets = subjects.map(({ target, measured }) => ({ name: target.name, measured }));
  results.push({ mode: name, targets, ratios });
}
mkdirSync(dirname(values.json), { recursive: true });
writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
console.log(`All events were accepted and handled once. All figures: ${values.json}`);
