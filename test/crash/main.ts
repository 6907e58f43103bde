// Kills server processes at the kill points of an engine, and counts lost and repeated events.
//   npm run test:crash -- --cycles 500
//   npm run test:crash -- --cycles 50 --engine memory      shows the results of a lossy inbox
// Options: --engine (default sqlite), --cycles (100), --seed (random), --events per cycle (250).
import { parseArgs } from 'node:util';

import { engines } from './engines/index.ts';
import type { Results } from './checker.ts';
import { runCrashTest } from './run-crash-test.ts';
import type { Series } from './series.ts';
import { toResultsTable } from './results-table.ts';

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '100' },
    engine: { type: 'string', default: 'sqlite' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    events: { type: 'string', default: '250' },
  },
});

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const cycles = wholeNumber('cycles', values.cycles, 1);
const seed = wholeNumber('seed', values.seed, 0);
const events = wholeNumber('events', values.events, 10);
const { engine } = values;
if (!Object.hasOwn(engines, engine)) {
  fail(`--engine must be one of ${Object.keys(engines).join(', ')}, not ${engine}`);
}

const repeat = `npm run test:crash -- --cycles ${cycles} --engine ${engine} --seed ${seed} --events ${events}`;
console.log(`${cycles} cycles with ${engine}, seed ${seed}. To repeat: ${repeat}`);
const startedAt = performance.now();
const load = { events, simulated: Math.round(events / 10) };
const results = await runCrashTest({ engine, cycles, seed, load, onSeries: printSeries });
printResults(results);

function printSeries(all: readonly Series[], planned: number): void {
  const { cycles: done = [], acknowledged } = all.at(-1) ?? {};
  const number =
    all.length > planned ? 'for kill points that were not hit' : `${all.length} of ${planned}`;
  const figures = `${done.length} cycles, ${(acknowledged?.size ?? 0).toLocaleString('en')}`;
  console.log(`series ${number}: ${figures} acknowledged, ${seconds()} s`);
}

function printResults(results: Results): void {
  const { frozen, afterThawMs, stalled, repeats, findings } = results;
  console.log(`\n${toResultsTable(results)}\n`);
  console.log(
    `Frozen past their lease (SIGSTOP): ${frozen.workers} workers. Other workers claimed ` +
      `${frozen.takenOver} of their entries. Late outcomes that counted: ${frozen.counted}. After the ` +
      `thaw, their handlers went on for ${afterThawMs.toFixed(1)} ms at most.`,
  );
  console.log(
    `Repeated after a success: ${repeats.killed} because the process was killed before the settle, ` +
      `${repeats.longestMs.toFixed(0)} ms after the success at most; ${repeats.stoodStill} because the ` +
      `process stood still; ${repeats.unexplained} without a cause.`,
  );
  console.log(
    `Runs that overlapped with a process whose event loop stood still past its lease: ${stalled}.`,
  );
  console.log(`${seconds()} s. To repeat: ${repeat}`);
  for (const finding of findings) console.log(`✘ ${finding}`);
  if (findings.length > 0) process.exitCode = 1;
}

function seconds(): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}

function wholeNumber(name: string, text: string, min: number): number {
  const number = Number(text);
  return Number.isInteger(number) && number >= min
    ? number
    : fail(`--${name} must be a whole number of at least ${min}, not ${text}`);
}

function fail(message: string): never {
  console.error(`test:crash: ${message}.`);
  process.exit(2);
}
