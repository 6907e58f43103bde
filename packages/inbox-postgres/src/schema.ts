import { WebhookError } from '@novita-webhooks/core';

/** Where the tables are, and what the SQL of this package is written for. Also the channel’s name. */
export const DEFAULT_SCHEMA = 'novita_webhooks';

/** PostgreSQL cuts longer names off without a word. */
const MAX_BYTES = 63;

/**
 * The name of a schema as SQL takes it.
 *
 * @throws WebhookError `invalid_option`
 */
export function quoteSchema(name: unknown): string {
  const isUsable =
    typeof name === 'string' &&
    name !== '' &&
    !/[\0$\p{Surrogate}]/u.test(name) &&
    !/^pg_/i.test(name) &&
    new TextEncoder().encode(name).length <= MAX_BYTES;
  if (!isUsable) {
    throw new WebhookError(
      'invalid_option',
      `postgresInbox: schema must be a name of 1 to ${MAX_BYTES} bytes, without $, that does not begin with pg_`,
    );
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * SQL is written as it is run with the default name, so that it can be read.
 *
 * @param text constant: what is put into it would be taken for SQL as well
 * @param quoted the name of the schema in use
 */
export function inSchema(text: string, quoted: string): string {
  return text.replace(NAMES, () => quoted);
}

const NAMES = /\bnovita_webhooks(?=\.)|(?<=\b(?:SCHEMA|EXISTS|LISTEN) )novita_webhooks\b/g;
