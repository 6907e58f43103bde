// Latencies at fixed rates, in an open loop. See bench/README.md.
import { parseArgs } from 'node:util';

import { bundle } from '../lib/bundle.ts';
import { describeMachine } from '../lib/describe-machine.ts';
import { readEventTemplate } from '../lib/event-template.ts';
import { printTable } from '../lib/print-table.ts';
import { median, range } from '../lib/statistics.ts';
import { findCores } from '../peers/find-cores.ts';
import {
  startLoadProcess,
  startTarget,
  type Measured,
  type MeasuredTarget,
} from '../peers/measured-target.ts';
import { ours } from '../peers/targets.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    /** Events per second; can be given several times. */
    rate: { type: 'string', multiple: true, default: ['500', '2000', '5000'] },
    target: {
      type: 'string',
      multiple: true,
      default: [ours('node:http', 'memory'), ours('express', 'memory'), ours('express', 'sqlite')],
    },
  },
});
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];

/** More than the requests that may be open at once, or the loop would be closed. */
const CONNECTIONS = 200;
const WARM_UP_EVENTS = 10_000;

async function measureRate(target: MeasuredTarget, perSecond: number): Promise<Measured[]> {
  const measured: Measured[] = [];
  const events = perSecond * seconds;
  for (let round = 0; round < rounds; round += 1) {
    measured.push(await target.run({ events, connections: CONNECTIONS, perSecond }));
  }
  return measured;
}

function toRow(name: string, rate: number, measured: readonly Measured[]): string[] {
  const figure = (of: (round: Measured) => number) => [
    median(measured.map(of)).toFixed(2),
    range(measured.map(of), 1),
  ];
  return [
    `${name}, ${rate}/s`,
    median(measured.map(({ perSecond }) => perSecond)).toFixed(0),
    ...figure(({ p50 }) => p50),
    ...figure(({ p99 }) => p99),
    ...figure(({ max }) => max),
  ];
}

const bundles = await bundle();
const template = readEventTemplate();
console.log(describeMachine(template));
const cores = findCores();
const load = startLoadProcess(bundles, template, cores);
const rows: string[][] = [];
for (const name of values.target) {
  const target = await startTarget(name, bundles, load, cores);
  await target.run({ events: WARM_UP_EVENTS, connections: 50 });
  for (const rate of values.rate.map(Number)) {
    rows.push(toRow(name, rate, await measureRate(target, rate)));
  }
  await target.end();
}
await load.end();
printTable(
  'Latency from the planned begin of a request, in ms',
  ['target, rate', 'replies/s', 'p50', 'range', 'p99', 'range', 'max', 'range'],
  rows,
);
console.log('If replies/s is below the rate, the server or the load process could not keep up.');
