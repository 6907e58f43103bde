import fc from 'fast-check';
import { describe, test } from 'vitest';

import { likeReference } from '../../../test/model/commands.ts';
import { memorySubject } from '../../../test/model/subjects.ts';
import { presentDrivers, reportMissing } from './support/drivers.ts';
import { sqliteSubject } from './support/model-subjects.ts';

/** `MODEL_RUNS=5000 npm test -- model.test` runs longer; `MODEL_SEED` repeats a failed run. */
const { MODEL_RUNS = '300', MODEL_SEED } = process.env;
const numRuns = Number(MODEL_RUNS);
const parameters = { numRuns, ...(MODEL_SEED !== undefined && { seed: Number(MODEL_SEED) }) };
const TEST_TIMEOUT_MS = 60_000 + 1000 * numRuns;

const byName = presentDrivers.map((driver) => [driver.name, driver] as const);
reportMissing('the model test');

describe('model test: behaves like the reference', () => {
  test.each(byName)(
    'memoryStore and sqliteStore on %s',
    (_, driver) => fc.assert(likeReference([memorySubject, sqliteSubject(driver)]), parameters),
    TEST_TIMEOUT_MS,
  );

  test.each(byName)(
    'sqliteStore with transactions, on %s',
    (_, driver) => fc.assert(likeReference([sqliteSubject(driver)], ['transaction']), parameters),
    TEST_TIMEOUT_MS,
  );

  test(
    'memoryStore with its optional operations',
    () => fc.assert(likeReference([memorySubject], ['promote', 'claimOne']), parameters),
    TEST_TIMEOUT_MS,
  );
});
