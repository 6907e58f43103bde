// Fuzzes the adapters over real sockets, and prints what they answered.
//   npm run fuzz -- --minutes 5
//   npm run fuzz -- --requests 1000000
//   npm run fuzz -- --adapter koa --seed 42 --minutes 1
// Options: --minutes (1) or --requests, --seed (random), --adapter (all). New kinds of replies become files
// in test/fuzz/corpus: commit them.
import { parseArgs } from 'node:util';

import { CORPUS_FOLDER, openCorpus } from './corpus.ts';
import { createOracle } from './oracle.ts';
import { ADAPTERS, type Adapter } from './protocol.ts';
import { runFuzz, type FuzzResult } from './run-fuzz.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    requests: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    adapter: { type: 'string', default: 'all' },
  },
});

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const seed = number('seed', values.seed, 0);
const minutes = number('minutes', values.minutes, 0.01);
const requests = values.requests === undefined ? Infinity : number('requests', values.requests, 1);
const adapters = ADAPTERS.filter((name) => values.adapter === 'all' || name === values.adapter);
if (adapters.length === 0)
  fail(`--adapter must be all, ${ADAPTERS.join(', ')}, not ${values.adapter}`);

const corpus = openCorpus(CORPUS_FOLDER);
const oracle = createOracle();
console.log(`${adapters.join(', ')}; seed ${seed}; ${corpus.inputs.length} inputs in the corpus`);
const results: FuzzResult[] = [];
for (const adapter of adapters) results.push(await fuzz(adapter));
const total = sum(results.map((result) => result.requests));
const seconds = sum(results.map(({ ms }) => ms)) / 1000;
console.log(
  `${total.toLocaleString('en')} requests, ${(total / seconds).toFixed(0)} a second, seed ${seed}`,
);
if (results.some(({ failures }) => failures.length > 0)) process.exitCode = 1;

/** @param batch number of the batch */
function seedOf(batch: number): number {
  return (seed + batch * 7919) | 0;
}

async function fuzz(adapter: Adapter): Promise<FuzzResult> {
  const until = performance.now() + (minutes * 60_000) / adapters.length;
  const isDone =
    requests === Infinity
      ? () => performance.now() >= until
      : (count: number) => count >= requests / adapters.length;
  const result = await runFuzz({ adapter, seedOf, isDone, corpus, oracle });
  print(result);
  return result;
}

function print({
  adapter,
  requests: count,
  ms,
  counts,
  memory,
  failures,
  found,
}: FuzzResult): void {
  const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
  console.log(
    `\n${adapter}: ${count.toLocaleString('en')} requests, ${((count / ms) * 1000).toFixed(0)} a second`,
  );
  console.log(
    `  memory at start and end: heap ${mib(memory.start.heap)} → ${mib(memory.end.heap)} MiB, ` +
      `rss ${mib(memory.start.rss)} → ${mib(memory.end.rss)} MiB`,
  );
  const byStatus = [...counts].sort(([one], [other]) => one.localeCompare(other));
  for (const [name, times] of byStatus)
    console.log(`  ${name.padEnd(28)} ${String(times).padStart(9)}`);
  if (found.length > 0) console.log(`  new in the corpus: ${found.join(', ')}`);
  for (const failure of failures) console.log(`  ✘ ${failure}`);
  if (failures.length > 0)
    console.log(`  To repeat: npm run fuzz -- --adapter ${adapter} --seed ${seed}`);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

function number(name: string, text: string, min: number): number {
  const value = Number(text);
  return value >= min ? value : fail(`--${name} must be a number of at least ${min}, not ${text}`);
}

function fail(message: string): never {
  console.error(`fuzz: ${message}.`);
  process.exit(2);
}
