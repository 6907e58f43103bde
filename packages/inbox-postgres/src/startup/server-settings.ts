import type { Logger } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';

const SETTINGS = `
SELECT current_setting('server_version_num')::integer AS version,
       current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('server_encoding') AS encoding,
       current_setting('default_transaction_isolation') AS isolation,
       current_setting('statement_timeout') AS statement_timeout,
       pg_is_in_recovery() AS is_standby`;

interface Settings {
  readonly version: number;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
  readonly encoding: string;
  readonly isolation: string;
  readonly statement_timeout: string;
  readonly is_standby: boolean;
}

const MIN_VERSION = 13;

/** Logs a warning for each setting of the server with which the inbox cannot keep its promises. */
export async function logServerSettings(query: Query, log: Logger): Promise<void> {
  const [settings] = await query<Settings>(SETTINGS);
  if (settings === undefined) return;
  const { synchronous_commit: commit, statement_timeout: timeout } = settings;
  const warnings: readonly [condition: boolean, problem: string, action: string][] = [
    [
      settings.fsync === 'off',
      "fsync is off, so acknowledged events may be lost when the server's machine fails",
      'Set it on',
    ],
    [
      settings.full_page_writes === 'off',
      'full_page_writes is off, so a power failure may damage the tables',
      'Set it on',
    ],
    [
      commit === 'off',
      'synchronous_commit is off, so acknowledged events may be lost when the server crashes',
      'Set it on for this role',
    ],
    [
      settings.encoding !== 'UTF8',
      `the database has the encoding ${settings.encoding}, so events with other letters get 503`,
      'Use a database with UTF8',
    ],
    [
      settings.isolation !== 'read committed',
      `default_transaction_isolation is ${settings.isolation}, so many statements conflict and some get 503`,
      'Set read committed for this role',
    ],
    [settings.is_standby, 'the server is a standby, which is read-only', 'Connect to the primary'],
    [
      settings.version < MIN_VERSION * 10_000,
      `PostgreSQL ${Math.floor(settings.version / 10_000)} is older than ${MIN_VERSION}, the oldest tested`,
      'Upgrade the server',
    ],
  ];
  for (const [condition, problem, action] of warnings) {
    if (condition) log.warn({}, `inbox-postgres: ${problem}. ${action}.`);
  }
  if (timeout === '0') log.info({}, NO_STATEMENT_TIMEOUT);
}

const NO_STATEMENT_TIMEOUT =
  'inbox-postgres: statement_timeout is 0, so statements may pile up behind a lock until the server ' +
  'has no connection left. Set one, for example 10 seconds.';
