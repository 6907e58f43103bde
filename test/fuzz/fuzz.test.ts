import { describe, expect, test } from 'vitest';

import { openCorpus } from './corpus.ts';
import { createOracle } from './oracle.ts';
import { ADAPTERS, FAULTS } from './protocol.ts';
import { runFuzz } from './run-fuzz.ts';

const FIXED_SEED = 20_260_301;
const randomSeed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 1e9));
const BATCH = 400;
const oracle = createOracle();

/** The first batch is the same in every run. */
const seedOf = (batch: number) => (batch === 0 ? FIXED_SEED : randomSeed + batch);

describe(`fuzz: with FUZZ_SEED=${randomSeed}, broken and hostile requests are answered as design says`, () => {
  test.each(ADAPTERS)(
    '%s',
    async (adapter) => {
      const result = await runFuzz({
        ...{ adapter, seedOf, corpus: openCorpus(null), oracle, batchSize: BATCH },
        isDone: (requests) => requests >= 2 * BATCH,
      });
      expect(result.failures).toEqual([]);
      expect(result.requests).toBeGreaterThanOrEqual(2 * BATCH);
      expect(result.counts.get('200-accepted')).toBeGreaterThan(0);
    },
    120_000,
  );
});

describe('fuzz: finds', () => {
  const signs = {
    echo: /value of the request/,
    lose: /not in the inbox|but the inbox added/,
    crash: /ended with 3/,
    reject: /unhandled rejection: Error: planted/,
    'status-500': /500/,
    leak: /the heap grew/,
    log: /log line with a value/,
  };

  test.each(FAULTS)(
    'a server with the planted fault %s',
    async (fault) => {
      const result = await runFuzz({
        ...{
          adapter: 'node',
          seedOf: (batch) => FIXED_SEED + batch,
          corpus: openCorpus(null),
          fault,
        },
        batchSize: 250,
        isDone: (requests) => requests >= 3000,
      });
      expect(result.failures.join('\n')).toMatch(signs[fault]);
    },
    120_000,
  );
});
