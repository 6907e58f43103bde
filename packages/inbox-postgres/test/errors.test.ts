import { WebhookError } from '@novita-webhooks/core';
import { describe, expect, test } from 'vitest';

import { createCodedError, POOL_TIMEOUT, QUERY_TIMEOUT, toInboxError } from '../src/errors.ts';

describe('toInboxError', () => {
  test.each([
    ['ECONNREFUSED', 'inbox-postgres: the server refused the connection. Check'],
    ['57P03', 'recovering from a crash. Wait'],
    ['53300', 'the server has no connection left. Raise max_connections'],
    ['28P01', 'the server rejected the role. Check user'],
    ['CONNECTION_CLOSED', 'the connection broke. If this repeats'],
    [QUERY_TIMEOUT, 'inbox-postgres: it took 5 ms. Check the network'],
    [POOL_TIMEOUT, "inbox-postgres: it took 5 ms. Raise the pool's max"],
    ['P0001', 'inbox-postgres: it took 5 ms. Look at the cause of this error.'],
  ])('says what failed and what to do: %s', (code, message) => {
    const cause = createCodedError(code, 'it took 5 ms');
    const error = toInboxError(cause);
    expect(error).toMatchObject({ code: 'inbox_unavailable', cause });
    expect(error.message).toContain(message);
  });

  test('uses the code of the first address if Node.js tried several', () => {
    const refused = createCodedError('ECONNREFUSED', 'connect ECONNREFUSED');
    expect(toInboxError(new AggregateError([refused])).message).toContain('refused the connection');
  });

  test('returns a WebhookError unchanged', () => {
    const error = new WebhookError('closing', 'closed');
    expect(toInboxError(error)).toBe(error);
  });
});
