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

/** `MODEL_RUNS=5000 npm test -- model.test` looks longer; `MODEL_SEED` repeats what has failed. */
const { MODEL_RUNS = '60', MODEL_SEED } = process.env;
const numRuns = Number(MODEL_RUNS);
const LONGEST_MS = 60_000 + 2000 * numRuns;
const parameters = {
  numRuns,
  ...(MODEL_SEED !== undefined && { seed: Number(MODEL_SEED) }),
  // A server takes its time to make a failure smaller: then it is shown as it is by then.
  interruptAfterTimeLimit: LONGEST_MS,
  markInterruptAsFailure: true,
};

describe.skipIf(url === undefined)('what the PostgreSQL store does', () => {
  let clocked: ClockedPool;

  beforeAll(async () => {
    clocked = await openClockedPool();
  });
  afterAll(() => clocked.close());

  /** Two stores in one schema, as two processes have it open. */
  const subject: OpenSubject = (clock) => {
    const schema = uniqueName('test_model');
    const open = () => postgresStore({ pool: clocked.at(clock), schema, listen: false });
    const both = createSubject({ name: 'the PostgreSQL store', keepsOrder: false }, open);
    const close = () => both.close().then(() => dropSchema(clocked.pool, schema));
    return { ...both, close };
  };

  test(
    'is what the reference does',
    () => fc.assert(likeReference([subject], ['transaction']), parameters),
    LONGEST_MS + 30_000,
  );
});
