import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { likeReference } from '../../../test/model/commands.ts';
import { presentDrivers } from './support/drivers.ts';
import { mutations } from './support/sql-mutations.ts';
import { mutatedSubject } from './support/model-subjects.ts';

/** Some mutations need hundreds of runs to be detected. With one seed, they always need as many. */
const RUNS = { numRuns: 10_000, seed: 1, endOnFailure: true };
const TEST_TIMEOUT_MS = 300_000;

/** Shows that the model test can fail: it must detect each mutation of the store's SQL. */
describe('the model test of sqliteStore detects', () => {
  const source = readStoreSource();
  const [driver] = presentDrivers;

  test.each(Object.entries(mutations))(
    '%s',
    async (_, mutation) => {
      expect(source).toContain(mutation.from);
      if (driver === undefined) throw new Error('no SQLite library is installed');
      const property = likeReference([mutatedSubject(driver, mutation)], ['transaction']);
      const { errorInstance } = await fc.check(property, RUNS);
      expect(errorInstance).toMatchObject({ code: 'ERR_ASSERTION' }); // and not an error of SQLite
    },
    TEST_TIMEOUT_MS,
  );
});

function readStoreSource(): string {
  const folder = join(import.meta.dirname, '../src');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
}
