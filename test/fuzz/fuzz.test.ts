import { describe, expect, test } from 'vitest';

import { openCorpus } from './corpus.ts';
import { createOracle } from './oracle.ts';
import { ADAPTERS, FAULTS } from './protocol.ts';
import { runFuzz } from './run-fuzz.ts';

const FIXED_SEED = 20_260_301;
const randomSeed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 1e9));
const REQUESTS = 500;
const oracle = createOracle();

describe.each(ADAPTERS)('fuzz: %s', (adapter) => {
  test.each([
    ['the fixed seed', FIXED_SEED],
    [`seed ${randomSeed} (repeat it with FUZZ_SEED)`, randomSeed],
  ])(
    'answers broken and hostile requests as design says, with %s',
    async (_, seed) => {
      const corpus = openCorpus(null);
      const result = await runFuzz({
        ...{ adapter, seed, corpus, oracle, batchSize: REQUESTS / 2 },
        isDone: (requests) => requests >= REQUESTS,
      });
      expect(result.failures).toEqual([]);
      expect(result.requests).toBeGreaterThanOrEqual(REQUESTS);
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
        ...{ adapter: 'node', seed: FIXED_SEED, corpus: openCorpus(null), fault },
        batchSize: 600,
        isDone: (requests) => requests >= 6000,
      });
      expect(result.failures.join('\n')).toMatch(signs[fault]);
    },
    120_000,
  );
});
