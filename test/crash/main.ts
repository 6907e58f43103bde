// Kills processes that receive webhooks, at the worst moments, and counts what is lost.
//   npm run test:crash -- --cycles 500
//   npm run test:crash -- --cycles 50 --engine memory      what it looks like when events are lost
import { parseArgs } from 'node:util';

import { engines } from './engines/index.ts';
import type { Verdict } from './checker.ts';
import { run } from './run-crash-test.ts';
import type { Series } from './series.ts';
import { toTable } from './results-table.ts';

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
  fail(`--engine must be one of ${Object.keys(engines).join(', ')}`);
}

const repeat = `npm run test:crash -- --cycles ${cycles} --engine ${engine} --seed ${seed} --events ${events}`;
console.log(`${cycles} cycles with ${engine}, seed ${seed}. To repeat: ${repeat}`);
const startedAt = performance.now();
const load = { events, simulated: Math.round(events / 10) };
const verdict = await run({ engine, cycles, seed, load, onSeries: say });
report(verdict);

function say(all: readonly Series[], of: number): void {
  const { cycles: done = [], acknowledged } = all.at(-1) ?? {};
  const number = all.length > of ? 'again, for what was not hit' : `${all.length} of ${of}`;
  const figures = `${done.length} cycles, ${(acknowledged?.size ?? 0).toLocaleString('en')}`;
  console.log(`series ${number}: ${figures} acknowledged, ${seconds()} s`);
}

function report(verdict: Verdict): void {
  const { frozen, afterThawMs, stalled, repeats, findings } = verdict;
  console.log(`\n${toTable(verdict)}\n`);
  console.log(
    `Frozen past their lease (SIGSTOP): ${frozen.workers} workers; ${frozen.takenOver} of their ` +
      `entries were taken over, late outcomes that counted: ${frozen.counted}. Woken up, they went ` +
      `on beside the taker for ${afterThawMs.toFixed(1)} ms at most.`,
  );
  console.log(
    `Run again after success: ${repeats.killed} whose process was killed in between, ` +
      `${repeats.longestMs.toFixed(0)} ms after the success at most; ${repeats.stoodStill} whose process ` +
      `stood still; ${repeats.unexplained} that nothing explains.`,
  );
  console.log(`Runs beside a process whose event loop stood still past its lease: ${stalled}.`);
  console.log(`${seconds()} s. To repeat: ${repeat}`);
  for (const finding of findings) console.log(`✘ ${finding}`);
  if (findings.length > 0) process.exitCode = 1;
}

function seconds(): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}

function wholeNumber(name: string, text: string, least: number): number {
  const number = Number(text);
  return Number.isInteger(number) && number >= least
    ? number
    : fail(`--${name} must be a whole number from ${least} on, not ${text}`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
