// What each engine sustains, beside what its own client does. See README.md.
import type { EngineName } from '../lib/engines/engine.ts';
import { findEngines } from '../lib/engines/find-engines.ts';
import { engines } from '../lib/engines/index.ts';
import { judgeAdds, measureAdds, type Adds } from './measure-adds.ts';
import { measureHandling, type Handling } from './measure-backlog.ts';
import { measureIdle, type Idle } from './measure-idle.ts';
import { readNumbers } from '../lib/read-numbers.ts';
import { bundle } from '../lib/bundle.ts';
import { readEventTemplate } from '../lib/event-template.ts';
import { describeMachine } from '../lib/describe-machine.ts';
import { medianOf, spread } from '../lib/statistics.ts';
import { printTable } from '../lib/print-table.ts';

/** The default of a receiver, and what it takes to keep an engine busy. */
const CONCURRENCIES = [10, 50] as const;

const { rounds, seconds, backlog, events, workers } = readNumbers({
  rounds: 5,
  seconds: 3,
  backlog: 10_000,
  events: 200,
  workers: 4,
});

/** `BENCH_PARTS=adds` leaves out the others. */
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
    spread(all.map(({ perSecond }) => perSecond)),
    figure(all, 1, ({ p50 }) => p50),
    figure(all, 1, ({ p99 }) => p99),
    figure(all, 0, ({ clientUs }) => clientUs),
    figure(all, 0, ({ engineUs }) => engineUs),
  ];
  const rows = [row(`${name}, inbox.add`, adds.inbox)];
  return adds.plain.length === 0 ? rows : [...rows, row(`${name}, plain`, adds.plain)];
}

const handlingRow = (title: string, all: readonly Handling[]): string[] => [
  title,
  figure(all, 0, ({ perSecond }) => perSecond),
  spread(all.map(({ perSecond }) => perSecond)),
  figure(all, 0, ({ clientUs }) => clientUs),
  figure(all, 0, ({ engineUs }) => engineUs),
  figure(all, 0, ({ keptBytes }) => keptBytes),
  figure(all, 0, ({ loggedBytes }) => loggedBytes),
];

/** Of the parts that were measured. */
const print: typeof printTable = (title, head, rows) => {
  if (rows.length > 0) printTable(title, head, rows);
};

const idleRow = (title: string, idle: Idle): string[] => [
  title,
  idle.add.p50.toFixed(2),
  idle.fromAnswer.p50.toFixed(2),
  idle.fromAnswer.p99.toFixed(2),
  idle.fromCall.p50.toFixed(2),
  idle.fromCall.p99.toFixed(2),
];

const { engine: program } = await bundle();
const template = readEventTemplate();
console.log(describeMachine(template));
const found = await findEngines();
console.log(
  `${rounds} rounds of ${seconds} s in turns, 50 callers; backlogs of ${backlog}, ` +
    `${workers} worker processes; ${events} single events; medians`,
);
const child = { bundle: program, env: { BENCH_EVENT: JSON.stringify(template) } };

const adds: [EngineName, Adds][] = [];
const handled: [string, Handling[]][] = [];
const idle: [string, Idle][] = [];
for (const name of parts.includes('adds') ? found : []) {
  adds.push([name, await measureAdds(name, { child, rounds, seconds })]);
}
for (const name of parts.includes('backlog') ? found : []) {
  const all = CONCURRENCIES.map((): Handling[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, concurrency] of CONCURRENCIES.entries()) {
      const options = { child, backlog, concurrency, workers: workersOf(name) };
      all[index]?.push(await measureHandling(name, options));
    }
  }
  CONCURRENCIES.forEach((concurrency, index) => {
    handled.push([`${name}, ${concurrency} at a time`, all[index] ?? []]);
  });
}
for (const name of parts.includes('idle') ? found : []) {
  for (const count of new Set([0, Math.min(1, workersOf(name)), workersOf(name)])) {
    const title = count === 0 ? 'one process' : `workers: ${count}`;
    idle.push([`${name}, ${title}`, await measureIdle(name, { child, events, workers: count })]);
  }
}

print(
  'Adding, 50 callers in one process',
  ['', 'adds/s', 'from…to', 'p50 ms', 'p99 ms', 'client CPU µs', 'engine CPU µs'],
  adds.flatMap(([name, figures]) => addRows(name, figures)),
);
print(
  'The inbox in proportion to the plain client',
  ['engine', 'adds/s', 'target'],
  adds.flatMap(([name, figures]) => judgeAdds(name, figures)),
);
print(
  `Handling a backlog, ${workers} worker processes (memory: one process)`,
  ['', 'handled/s', 'from…to', 'workers CPU µs', 'engine CPU µs', 'bytes kept', 'bytes logged'],
  handled.map(([title, all]) => handlingRow(title, all)),
);
print(
  'One event at a time: until its handler starts, in milliseconds',
  ['', 'add p50', 'after the answer p50 (< 10)', 'p99', 'after the call p50', 'p99'],
  idle.map(([title, figures]) => idleRow(title, figures)),
);
console.log('All that was added is there; every entry was handled, once.');
