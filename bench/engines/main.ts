// Measures each inbox and its engine's own client. See bench/README.md.
import type { EngineName } from '../lib/engines/engine.ts';
import { findEngines } from '../lib/engines/find-engines.ts';
import { engines } from '../lib/engines/index.ts';
import { measureAdds, toRatioRows, type Adds } from './measure-adds.ts';
import { measureBacklog, type BacklogFigures } from './measure-backlog.ts';
import { measureIdle, type IdleFigures } from './measure-idle.ts';
import { readNumbers } from '../lib/read-numbers.ts';
import { bundle } from '../lib/bundle.ts';
import { readEventTemplate } from '../lib/event-template.ts';
import { describeMachine } from '../lib/describe-machine.ts';
import { medianOf, range } from '../lib/statistics.ts';
import { printTable } from '../lib/print-table.ts';

/** The default of a receiver, and a value that keeps the engine busy. */
const CONCURRENCIES = [10, 50] as const;

const { rounds, seconds, backlog, events, workers } = readNumbers({
  rounds: 5,
  seconds: 3,
  backlog: 10_000,
  events: 200,
  workers: 4,
});

/** `BENCH_PARTS=adds` measures only this part. */
const parts = process.env['BENCH_PARTS']?.split(',') ?? ['adds', 'backlog', 'idle'];

const workersOf = (name: EngineName) => (engines[name].shared ? workers : 0);

const figure = <T>(all: readonly T[], digits: number, of: (round: T) => number): string => {
  const value = medianOf(all, of);
  return Number.isFinite(value) ? value.toFixed(digits) : '–';
};

function addRows(name: EngineName, adds: Adds): string[][] {
  const row = (title: string, all: Adds['inbox']) => [
    title,
    figure(all, 0, ({ perSecond }) => perSecond),
    range(all.map(({ perSecond }) => perSecond)),
    figure(all, 1, ({ p50 }) => p50),
    figure(all, 1, ({ p99 }) => p99),
    figure(all, 0, ({ clientUs }) => clientUs),
    figure(all, 0, ({ engineUs }) => engineUs),
  ];
  const rows = [row(`${name}, inbox.add`, adds.inbox)];
  return adds.plain.length === 0 ? rows : [...rows, row(`${name}, own client`, adds.plain)];
}

const backlogRow = (title: string, all: readonly BacklogFigures[]): string[] => [
  title,
  figure(all, 0, ({ perSecond }) => perSecond),
  range(all.map(({ perSecond }) => perSecond)),
  figure(all, 0, ({ clientUs }) => clientUs),
  figure(all, 0, ({ engineUs }) => engineUs),
  figure(all, 0, ({ keptBytes }) => keptBytes),
  figure(all, 0, ({ loggedBytes }) => loggedBytes),
];

/** Prints a table unless its part was left out. */
const printIfMeasured: typeof printTable = (title, head, rows) => {
  if (rows.length > 0) printTable(title, head, rows);
};

const idleRow = (title: string, idle: IdleFigures): string[] => [
  title,
  idle.add.p50.toFixed(2),
  idle.fromResult.p50.toFixed(2),
  idle.fromResult.p99.toFixed(2),
  idle.fromCall.p50.toFixed(2),
  idle.fromCall.p99.toFixed(2),
];

const { inbox: program } = await bundle();
const template = readEventTemplate();
console.log(describeMachine(template));
const found = await findEngines();
console.log(
  `${rounds} rounds of ${seconds} s in turns, 50 callers; backlogs of ${backlog} entries, ` +
    `${workers} worker processes; ${events} single events; medians`,
);
const child = { bundle: program, env: { BENCH_EVENT: JSON.stringify(template) } };

const adds: [EngineName, Adds][] = [];
const backlogs: [string, BacklogFigures[]][] = [];
const idle: [string, IdleFigures][] = [];
for (const name of parts.includes('adds') ? found : []) {
  adds.push([name, await measureAdds(name, { child, rounds, seconds })]);
}
for (const name of parts.includes('backlog') ? found : []) {
  const all = CONCURRENCIES.map((): BacklogFigures[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, concurrency] of CONCURRENCIES.entries()) {
      const options = { child, backlog, concurrency, workers: workersOf(name) };
      all[index]?.push(await measureBacklog(name, options));
    }
  }
  CONCURRENCIES.forEach((concurrency, index) => {
    backlogs.push([`${name}, ${concurrency} at a time`, all[index] ?? []]);
  });
}
for (const name of parts.includes('idle') ? found : []) {
  for (const count of new Set([0, Math.min(1, workersOf(name)), workersOf(name)])) {
    const title = count === 0 ? 'one process' : `workers: ${count}`;
    idle.push([`${name}, ${title}`, await measureIdle(name, { child, events, workers: count })]);
  }
}

printIfMeasured(
  'Adding, 50 callers in one process',
  ['', 'adds/s', 'range', 'p50 ms', 'p99 ms', 'client CPU µs', 'engine CPU µs'],
  adds.flatMap(([name, figures]) => addRows(name, figures)),
);
printIfMeasured(
  'The inbox in proportion to the own client of its engine',
  ['engine', 'adds/s', 'target'],
  adds.flatMap(([name, figures]) => toRatioRows(name, figures)),
);
printIfMeasured(
  `Handling a backlog, ${workers} worker processes (memory: one process)`,
  ['', 'handled/s', 'range', 'workers CPU µs', 'engine CPU µs', 'bytes kept', 'bytes logged'],
  backlogs.map(([title, all]) => backlogRow(title, all)),
);
printIfMeasured(
  'One event at a time: time until its handler starts, in milliseconds',
  ['', 'add p50', 'from the result p50 (< 10)', 'p99', 'from the call p50', 'p99'],
  idle.map(([title, figures]) => idleRow(title, figures)),
);
console.log('Each inbox has all added events; each entry of a backlog was handled once.');
