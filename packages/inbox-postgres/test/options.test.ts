import { migrationSql, postgresStore } from '@novita-webhooks/inbox-postgres';
import { describe, expect, test } from 'vitest';

const pool = { connect: () => Promise.reject(new Error('not here')) };

describe('options of postgresStore', () => {
  test.each([
    [{ pool: undefined }, 'inbox-postgres: pool: must be a Pool of pg'],
    [
      { queryTimeoutMs: 0 },
      'inbox-postgres: queryTimeoutMs: must be a number of milliseconds above 0',
    ],
    [{ queryTimeoutMs: NaN }, 'queryTimeoutMs: must be'],
    [{ transactionTimeoutMs: 2 ** 31 }, 'transactionTimeoutMs: must be'],
    [{ transactionTimeoutMs: '5' }, 'transactionTimeoutMs: must be'],
    [{ listen: 'yes' }, 'inbox-postgres: listen: must be true or false.'],
    [{ schema: 'pg_own' }, 'inbox-postgres: schema: must be a name of 1 to 63 bytes'],
  ])('%o is rejected', (options, message) => {
    const open = () => postgresStore({ pool, ...(options as object) });
    expect(open).toThrow(expect.objectContaining({ code: 'invalid_option' }) as Error);
    expect(open).toThrow(message);
  });

  test('migrationSql rejects an invalid schema, and takes the options of a store', () => {
    expect(() => migrationSql({ schema: 'x'.repeat(64) })).toThrow('schema: must be');
    const storeOptions = { pool: 'not a pool', schema: 'app' };
    expect(migrationSql(storeOptions)).toContain('CREATE SCHEMA "app"');
  });
});
