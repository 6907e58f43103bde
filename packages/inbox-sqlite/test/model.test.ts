import fc from 'fast-check';
import { describe, test } from 'vitest';

import { likeReference } from '../../../test/model/commands.ts';
import { memorySubject } from '../../../test/model/subjects.ts';
import { presentDrivers, reportMissing } from './support/drivers.ts';
import { sqliteSubject } from './support/model-subjects.ts';

/** `MODEL_RUNS=5000 npm test -- model.test` looks longer; `MODEL_SEED` repeats what has failed. */
const { MODEL_RUNS = '300', MODEL_SEED } = process.env;
const numRuns = Number(MODEL_RUNS);
const parameters = { numRuns, ...(MODEL_SEED !== undefined && { seed: Number(MODEL_SEED) }) };
const PATIENCE_MS = 60_000 + 1000 * numRuns;

const byName = presentDrivers.map((driver) => [driver.name, driver] as const);
reportMissing('the model test');

describe('what the stores do is what the reference does', () => {
  test.each(byName)(
    'the memory store and the SQLite store on %s',
    (_, driver) => fc.assert(likeReference([memorySubject, sqliteSubject(driver)]), parameters),
    PATIENCE_MS,
  );

  test.each(byName)(
    'the SQLite store with transactions, on %s',
    (_, driver) => fc.assert(likeReference([sqliteSubject(driver)], ['transaction']), parameters),
    PATIENCE_MS,
  );

  test(
    'the memory store with what only it has',
    () => fc.assert(likeReference([memorySubject], ['promote', 'claimOne']), parameters),
    PATIENCE_MS,
  );
});
