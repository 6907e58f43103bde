// Compares the ratios of the last `npm run bench:peers` with bench/baseline.json. `--write` replaces it.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { cache } from './lib/bundle.ts';

interface Ratio {
  readonly target: string;
  readonly reference: string;
  readonly requests: number;
}

interface Result {
  readonly mode: string;
  readonly ratios: readonly Ratio[];
}

/** A ratio may be this share of its baseline. Rounds differ by less on a quiet machine. */
const MIN_SHARE = 0.85;

const BASELINE = fileURLToPath(new URL('./baseline.json', import.meta.url));
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as readonly Result[];

/** Lines about the ratios that are too low, or that the last run did not measure. */
function findProblems(measured: readonly Result[], baseline: readonly Result[]): string[] {
  const all = measured.flatMap(({ mode, ratios }) => ratios.map((ratio) => ({ mode, ...ratio })));
  return baseline.flatMap(({ mode, ratios }) =>
    ratios.flatMap(({ target, reference, requests: expected }) => {
      const found = all.find(
        (it) => it.mode === mode && it.target === target && it.reference === reference,
      );
      const name = `${target} / ${reference}, ${mode}`;
      if (found === undefined) return [`${name}: not measured. Run npm run bench:peers.`];
      if (found.requests >= MIN_SHARE * expected) return [];
      return [`${name}: ${found.requests.toFixed(2)}, baseline ${expected.toFixed(2)}.`];
    }),
  );
}

const measured = read(`${cache}peers.json`).map(({ mode, ratios }) => ({ mode, ratios }));
if (process.argv.includes('--write')) {
  writeFileSync(BASELINE, `${JSON.stringify(measured, null, 2)}\n`);
  console.log('bench: wrote bench/baseline.json.');
} else {
  const problems = findProblems(measured, read(BASELINE));
  for (const problem of problems) console.error(`bench: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
  else console.log('bench: every ratio is at least 0.85 of its baseline.');
}
