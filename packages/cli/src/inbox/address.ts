import type { InboxStats } from '@novita-webhooks/core';
import { CommandError } from '@novita-webhooks/simulator/cli';

/** Where an inbox is. */
export type InboxAddress =
  | { readonly engine: 'sqlite'; readonly path: string }
  | { readonly engine: 'postgres'; readonly url: string; readonly schema: string | undefined }
  | {
      readonly engine: 'bullmq';
      readonly url: string;
      readonly prefix: string | undefined;
      readonly queueNamePrefix: string | undefined;
    };

/** What begins an address, for messages. */
export const ADDRESS_FORMS = 'sqlite:<file>, postgres://… or redis://…';

const ADDRESS = /^(sqlite|postgres(ql)?|rediss?):/i;

/** Whether a text begins as an address does. */
export const isAddress = (text: string): boolean => ADDRESS.test(text);

/** Whether a text looks like the path of a database of SQLite. */
export const isDatabaseFile = (text: string): boolean => /\.(db|sqlite3?)$/i.test(text);

// cspell:ignore gssencmode pgbouncer requiressl sslcert sslkey sslnegotiation sslpassword uselibpqcompat
/** Parameters of the drivers, which addresses of servers and pools have. Others are refused. */
const DRIVER_PARAMETERS = {
  postgres:
    'application_name channel_binding client_encoding connect_timeout connection_limit encoding ' +
    'fallback_application_name gssencmode host idle_in_transaction_session_timeout keepalives ' +
    'keepalives_count keepalives_idle keepalives_interval lock_timeout max options password ' +
    'pgbouncer pool_timeout port query_timeout replication requiressl service ssl sslcert sslkey ' +
    'sslmode sslnegotiation sslpassword sslrootcert statement_timeout target_session_attrs ' +
    'tcp_user_timeout user uselibpqcompat',
  redis:
    'commandTimeout connectTimeout connectionName db enableReadyCheck family keepAlive name ' +
    'maxRetriesPerRequest noDelay password protocol role socketTimeout tls username',
} as const;

/** @throws CommandError `usage`: a misspelled parameter would select the default inbox */
const rejectUnknown = (
  { searchParams }: URL,
  names: readonly string[],
  driver: keyof typeof DRIVER_PARAMETERS,
): void => {
  const known = [...names, ...DRIVER_PARAMETERS[driver].split(' ')];
  const unknown = [...searchParams.keys()].find((name) => !known.includes(name));
  const repeated = names.find((name) => searchParams.getAll(name).length > 1);
  if (unknown === undefined && repeated === undefined) return;
  const fault =
    unknown === undefined ? `${String(repeated)} is given twice` : `${unknown} is unknown`;
  const message = `the address of the inbox: parameter ${fault}. Of the inbox: ${names.join(', ')}.`;
  throw new CommandError('usage', message);
};

/** Takes parameters that are ours out of a URL: the driver would not know them. */
const takeParameters = <Name extends string>(
  text: string,
  names: readonly Name[],
  driver: keyof typeof DRIVER_PARAMETERS,
): Record<Name, string | undefined> & { url: string } => {
  if (!URL.canParse(text)) {
    throw new CommandError(
      'usage',
      `the address of the inbox is not a URL. Pass ${ADDRESS_FORMS}.`,
    );
  }
  const url = new URL(text);
  rejectUnknown(url, names, driver);
  const values = names.map((name) => [name, url.searchParams.get(name) ?? undefined] as const);
  for (const name of names) url.searchParams.delete(name);
  const parameters = Object.fromEntries(values) as Record<Name, string | undefined>;
  return { ...parameters, url: url.href };
};

/**
 * Reads the address of an inbox: `sqlite:webhooks.db`, `postgres://…` with `schema` as a parameter, or
 * `redis://…` with `prefix` and `queueNamePrefix`.
 *
 * @throws CommandError `usage`
 */
export const parseAddress = (text: string): InboxAddress => {
  const [, engine = ''] = ADDRESS.exec(text) ?? [];
  if (engine.toLowerCase() === 'sqlite') {
    const path = text.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
    if (path !== '') return { engine: 'sqlite', path };
    throw new CommandError('usage', 'sqlite: names no file. Pass one, such as sqlite:webhooks.db.');
  }
  if (/^postgres/i.test(engine)) {
    return { engine: 'postgres', ...takeParameters(text, ['schema'], 'postgres') };
  }
  if (/^redis/i.test(engine)) {
    return { engine: 'bullmq', ...takeParameters(text, ['prefix', 'queueNamePrefix'], 'redis') };
  }
  const hint = isDatabaseFile(text) ? ` Did you mean sqlite:${text}?` : '';
  throw new CommandError(
    'usage',
    `the inbox must begin with sqlite:, postgres: or redis:. Pass ${ADDRESS_FORMS}.${hint}`,
  );
};

/**
 * What to check if an inbox has no entry at all, or nothing. A command finds out that a file or a table is
 * missing; on Redis, a wrong prefix looks like an inbox without entries.
 *
 * @param readStats called only for Redis
 */
export const describeEmpty = async (
  address: InboxAddress,
  readStats: () => Promise<InboxStats>,
): Promise<string | undefined> => {
  if (address.engine !== 'bullmq') return undefined;
  const { expected, pending, running, done, dead } = await readStats();
  if ((expected ?? 0) + pending + running + done + dead > 0) return undefined;
  const { prefix = 'bull', queueNamePrefix = 'novita-webhooks' } = address;
  return `Redis has no entry with prefix ${prefix} and queueNamePrefix ${queueNamePrefix}. If the receivers have others, add them to the address, such as ?queueNamePrefix=<name>.`;
};

/** An address without user, password and parameters, for messages. */
export const describeAddress = (address: InboxAddress): string => {
  if (address.engine === 'sqlite') return `sqlite:${address.path}`;
  const { protocol, host, pathname } = new URL(address.url);
  return `${protocol}//${host}${pathname}`;
};
