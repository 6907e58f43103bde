/** The default schema, and the one that the SQL of this package is written for. */
export const DEFAULT_SCHEMA = 'novita_webhooks';

/** PostgreSQL silently truncates longer names. */
const MAX_NAME_BYTES = 63;

/** What a schema name must be, as an error message says it. */
export const SCHEMA_NAME_RULE: string = `must be a name of 1 to ${MAX_NAME_BYTES} bytes without $ that does not begin with pg_`;

export function isSchemaName(name: string): boolean {
  return (
    name !== '' &&
    !/[\0$\p{Surrogate}]/u.test(name) &&
    !/^pg_/i.test(name) &&
    new TextEncoder().encode(name).length <= MAX_NAME_BYTES
  );
}

/** The name of a schema as a quoted SQL identifier. */
export const quoteSchema = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/**
 * Replaces the default schema in SQL by the one in use. So the SQL in this package can be run as it is.
 *
 * @param text a constant: user input in it would be changed as well
 * @param quoted the name of the schema in use, quoted
 */
export function inSchema(text: string, quoted: string): string {
  return text.replace(DEFAULT_NAMES, () => quoted);
}

const DEFAULT_NAMES = /\bnovita_webhooks(?=\.)|(?<=\b(?:SCHEMA|EXISTS|LISTEN) )novita_webhooks\b/g;
