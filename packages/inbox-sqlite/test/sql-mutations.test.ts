import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { likeReference } from '../../../test/model/commands.ts';
import { presentDrivers } from './support/drivers.ts';
import { slips } from './support/sql-mutations.ts';
import { brokenSubject } from './support/model-subjects.ts';

/** Some slips take hundreds of runs to show. */
const numRuns = 10_000;
const PATIENCE_MS = 300_000;

/** That these are found says more of the model test than its being green. */
describe('a slip in the SQL of the store is noticed', () => {
  const source = sourceOfStore();
  const [driver] = presentDrivers;

  test.each(Object.entries(slips))(
    '%s',
    async (_, slip) => {
      expect(source).toContain(slip.from);
      if (driver === undefined) throw new Error('there is no driver');
      const property = likeReference([brokenSubject(driver, slip)], ['transaction']);
      const { errorInstance } = await fc.check(property, { numRuns, endOnFailure: true });
      expect(errorInstance).toMatchObject({ code: 'ERR_ASSERTION' }); // no error of SQLite
    },
    PATIENCE_MS,
  );
});

function sourceOfStore(): string {
  const folder = join(import.meta.dirname, '../src');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
}
