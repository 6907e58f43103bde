import { postgresStore } from '@novita-webhooks/inbox-postgres';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';

import { likeReference } from '../../../test/model/commands.ts';
import { createSubject, type OpenSubject } from '../../../test/model/subjects.ts';
import {
  dropSchema,
  openClockedPool,
  uniqueName,
  url,
  type ClockedPool,
} from './support/test-database.ts';

/** `MODEL_RUNS=5000 npm test -- model.test` runs longer; `MODEL_SEED` repeats a run. */
const { MODEL_RUNS = '60', MODEL_SEED } = process.env;
const numRuns = Number(MODEL_RUNS);
const MAX_DURATION_MS = 60_000 + 2000 * numRuns;
const parameters = {
  numRuns,
  ...(MODEL_SEED !== undefined && { seed: Number(MODEL_SEED) }),
  // Shrinking a failure takes long on a server: after this time, the smallest so far is reported.
  interruptAfterTimeLimit: MAX_DURATION_MS,
  markInterruptAsFailure: true,
};

describe.skipIf(url === undefined)('postgresStore', () => {
  let clocked: ClockedPool;

  beforeAll(async () => {
    clocked = await openClockedPool();
  });
  afterAll(() => clocked.close());

  /** Two stores on one schema, like two processes. */
  const subject: OpenSubject = (clock) => {
    const schema = uniqueName('test_model');
    const open = () => postgresStore({ pool: clocked.at(clock), schema, listen: false });
    const both = createSubject({ name: 'postgresStore', keepsOrder: false }, open);
    const close = () => both.close().then(() => dropSchema(clocked.pool, schema));
    return { ...both, close };
  };

  test(
    'does what the reference store does',
    () => fc.assert(likeReference([subject], ['transaction']), parameters),
    MAX_DURATION_MS + 30_000,
  );
});
