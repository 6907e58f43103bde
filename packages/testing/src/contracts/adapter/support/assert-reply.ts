import assert from 'node:assert/strict';

import type { AdapterSubject } from '../adapter-subject.ts';
import type { HttpReply } from './http-message.ts';

/**
 * Asserts status, code, content length and content type of a reply.
 *
 * @param code the reply's problem `code`, or its `status` if it has no code
 */
export function assertReply(reply: HttpReply, status: number, code: string): void {
  const body = JSON.parse(reply.body) as { status: unknown; code?: unknown };
  assert.deepEqual([reply.status, body.code ?? body.status], [status, code]);
  assert.equal(Number(reply.headers['content-length']), Buffer.byteLength(reply.body));
  const type = reply.headers['content-type'] ?? '';
  assert.match(type, status < 400 ? /^application\/json/ : /^application\/problem\+json/);
}

/**
 * Asserts that the reply closes the connection, if the adapter can close one. The rest of the body
 * would otherwise be parsed as the next request.
 */
export function assertCloses({ closesConnections }: AdapterSubject, reply: HttpReply): void {
  if (closesConnections !== false) assert.equal(reply.headers.connection, 'close');
}
