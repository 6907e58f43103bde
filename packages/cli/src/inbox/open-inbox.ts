import { existsSync } from 'node:fs';

import { isWebhookError, type Inbox } from '@novita-webhooks/core';
import type { Pool } from 'pg';
import { CommandError, messageOf } from '@novita-webhooks/simulator/cli';

import { describeAddress, type InboxAddress } from './address.ts';
import { loadBullmq, loadPg } from '../load-peer.ts';
import { hasNoInbox } from './sqlite-file.ts';

/** How to open an inbox. */
export interface OpenOptions {
  /** Whether an inbox that does not exist may be created. */
  readonly create: boolean;
}

/** An open inbox. */
export interface OpenedInbox {
  readonly inbox: Inbox;
  /** For messages, without a password. */
  readonly description: string;
  /** Closes the inbox and the connections that were made for it. */
  readonly close: () => Promise<void>;
}

type AddressOf<Engine> = Extract<InboxAddress, { engine: Engine }>;

const CONNECT_TIMEOUT_MS = 5000;
const CREATES = 'A receiver creates it with its first event; `inbox import` creates it, too.';

const openSqlite = async (
  { path }: AddressOf<'sqlite'>,
  { create }: OpenOptions,
): Promise<Omit<OpenedInbox, 'description'>> => {
  if (!create && !existsSync(path)) {
    const message = `there is no file ${path}. ${CREATES} Check the path and the current folder.`;
    throw new CommandError('unavailable', message);
  }
  if (!create && (await hasNoInbox(path))) {
    const message = `${path} is a database without an inbox. ${CREATES} Check the path.`;
    throw new CommandError('unavailable', message);
  }
  const { sqliteInbox } = await import('@novita-webhooks/inbox-sqlite');
  const inbox = sqliteInbox({ path });
  return { inbox, close: () => inbox.close() };
};

/** Using a postgresInbox creates its tables, which a command that only looks must not do. */
const requireTables = async (pool: Pool, schema: string): Promise<void> => {
  const sql = "SELECT to_regclass(quote_ident($1) || '.finished_entries') IS NOT NULL AS found";
  const { rows } = await pool.query<{ readonly found: boolean }>(sql, [schema]);
  if (rows[0]?.found === true) return;
  const message = `the database has no inbox in the schema ${schema}. ${CREATES} For another schema, add ?schema=<name> to the address.`;
  throw new CommandError('unavailable', message);
};

const openPostgres = async (
  { url, schema = 'novita_webhooks' }: AddressOf<'postgres'>,
  { create }: OpenOptions,
): Promise<Omit<OpenedInbox, 'description'>> => {
  const [{ postgresInbox }, { Pool }] = await Promise.all([
    import('@novita-webhooks/inbox-postgres'),
    loadPg(),
  ]);
  const pool = new Pool({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'novita-webhooks',
  });
  pool.on('error', () => undefined); // the next query reports it
  const inbox = postgresInbox({ pool, schema });
  const close = async (): Promise<void> => {
    await inbox.close();
    await pool.end();
  };
  try {
    if (!create) await requireTables(pool, schema);
    return { inbox, close };
  } catch (error) {
    await pool.end();
    throw error;
  }
};

const openBullmq = async ({
  url,
  prefix,
  queueNamePrefix,
}: AddressOf<'bullmq'>): Promise<Omit<OpenedInbox, 'description'>> => {
  const { bullmqInbox } = await loadBullmq();
  const inbox = bullmqInbox({ connection: url, prefix, queueNamePrefix });
  return { inbox, close: () => inbox.close() };
};

const openEngine = (
  address: InboxAddress,
  options: OpenOptions,
): Promise<Omit<OpenedInbox, 'description'>> => {
  if (address.engine === 'sqlite') return openSqlite(address, options);
  if (address.engine === 'postgres') return openPostgres(address, options);
  return openBullmq(address);
};

/** What went wrong with an inbox; errors that already say what to do stay as they are. */
const toInboxError = (error: unknown, description: string): unknown => {
  if (error instanceof CommandError) return error;
  if (isWebhookError(error, 'invalid_argument')) return error;
  const text = messageOf(error).replace(/\.?\s*$/, '.');
  const advice = 'Check the address, and that the server or file can be used.';
  const reason = isWebhookError(error) ? text : `${text} ${advice}`; // ours say what to do
  const message = `the inbox ${description} cannot be used: ${reason}`;
  return new CommandError('unavailable', message, { cause: error });
};

/**
 * Opens an inbox without a receiver. It connects at its first use, or at once to check that it exists.
 *
 * @throws CommandError `unavailable`
 */
export const openInbox = async (
  address: InboxAddress,
  options: OpenOptions,
): Promise<OpenedInbox> => {
  const description = describeAddress(address);
  try {
    return { ...(await openEngine(address, options)), description };
  } catch (error) {
    throw toInboxError(error, description);
  }
};

/**
 * Uses an inbox once, and closes it if that fails.
 *
 * @throws CommandError `unavailable`
 */
export const checkInbox = async ({ inbox, description, close }: OpenedInbox): Promise<void> => {
  try {
    await inbox.stats();
  } catch (error) {
    await close().catch(() => undefined); // the error says more
    throw toInboxError(error, description);
  }
};

/** Opens an inbox, runs `work` with it, and closes it. */
export const withInbox = async <Result>(
  address: InboxAddress,
  options: OpenOptions,
  work: (inbox: Inbox, description: string) => Promise<Result>,
): Promise<Result> => {
  const { inbox, description, close } = await openInbox(address, options);
  try {
    return await work(inbox, description);
  } catch (error) {
    throw toInboxError(error, description);
  } finally {
    await close().catch(() => undefined); // the work is done, or its error says more
  }
};
