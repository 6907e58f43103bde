import { WebhookError } from '@novita-webhooks/core';
import { describe, expect, test } from 'vitest';

import { createCodedError, POOL_TIMEOUT, QUERY_TIMEOUT, toInboxError } from '../src/errors.ts';

describe('toInboxError', () => {
  test.each([
    ['ECONNREFUSED', 'inbox-postgres: the server refused the connection. Check'],
    ['57P03', 'recovering from a crash. Wait'],
    ['53300', 'the server has no connection left. Raise max_connections'],
    ['28P01', 'the server rejected the role or its password. Check user'],
    ['28000', 'pg_hba.conf allows no such connection. Check that the connection string is set'],
    ['ENOENT', 'the socket of the server, or a certificate file, does not exist. Check'],
    ['EACCES', 'this process may not use the socket of the server. Check'],
    ['EHOSTUNREACH', 'the server cannot be reached. Check its host'],
    ['CONNECT_TIMEOUT', 'the server cannot be reached. Check its host'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'an authority that is not known here. Pass its CA'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'an authority that is not known here. Pass its CA'],
    ['CERT_HAS_EXPIRED', 'has expired or is not valid. Renew it'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'is for another host name. Use the host name'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'the SSL handshake with the server failed. Check'],
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

  test.each([
    ['Connection terminated unexpectedly', 'the connection broke. If this repeats'],
    ['Connection terminated', 'the connection broke. If this repeats'],
    ['Client has encountered a connection error and is not queryable', 'the connection broke. If'],
    [
      'timeout exceeded when trying to connect',
      'within connectionTimeoutMillis of the pool. Check',
    ],
    [
      'Connection terminated due to connection timeout',
      'within connectionTimeoutMillis of the pool.',
    ],
    ['Query read timeout', 'Query read timeout. Check the network'],
    [
      'There was an error establishing an SSL connection',
      'the SSL handshake with the server failed.',
    ],
    [
      'Cannot use a pool after calling end on the pool',
      'has ended the pool. Call pool.end() after',
    ],
  ])('says what failed and what to do without a code: %s', (reported, message) => {
    expect(toInboxError(new Error(reported)).message).toContain(message);
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
