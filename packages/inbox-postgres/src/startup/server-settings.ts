import type { Logger } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';

const SETTINGS = `
SELECT current_setting('server_version_num')::integer AS version,
       current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('server_encoding') AS encoding,
       current_setting('default_transaction_isolation') AS isolation,
       current_setting('statement_timeout') = '0' AS patient,
       pg_is_in_recovery() AS standby`;

interface Settings {
  readonly version: number;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
  readonly encoding: string;
  readonly isolation: string;
  readonly patient: boolean;
  readonly standby: boolean;
}

const OLDEST_VERSION = 13;

/** Tells operators what of the promises this server cannot keep. */
export async function checkHealth(query: Query, log: Logger): Promise<void> {
  const [settings] = await query<Settings>(SETTINGS);
  if (settings === undefined) return;
  for (const warning of warningsOf(settings)) log.warn({}, warning);
  if (settings.patient) log.info({}, PATIENT);
}

function warningsOf(settings: Settings): string[] {
  const {
    version,
    encoding,
    isolation,
    fsync,
    full_page_writes: pages,
    synchronous_commit: commit,
    standby,
  } = settings;
  const warnings: string[] = [];
  if (fsync === 'off') {
    warnings.push(`PostgreSQL runs with fsync = off: ${LOST} when the server's machine fails`);
  }
  if (pages === 'off') {
    warnings.push('PostgreSQL runs with full_page_writes = off: a power cut may damage its tables');
  }
  if (commit === 'off') {
    warnings.push(
      `PostgreSQL has synchronous_commit = off for this connection: ${LOST} when the server crashes`,
    );
  }
  if (encoding !== 'UTF8') {
    warnings.push(
      `the database has the encoding ${encoding}: events with other letters get 503. Use UTF8`,
    );
  }
  if (isolation !== 'read committed') {
    warnings.push(
      `default_transaction_isolation is ${isolation} for this connection: many statements fail and are ` +
        'done again, some get 503. Set read committed for this role',
    );
  }
  if (standby) warnings.push('this PostgreSQL is a standby, which takes no events');
  if (version < OLDEST_VERSION * 10_000) {
    warnings.push(`PostgreSQL ${Math.floor(version / 10_000)} is older than what is tested`);
  }
  return warnings;
}

const LOST = 'events that were answered 2xx may be lost';

const PATIENT =
  'the pool sets no statement_timeout: statements for which nobody waits any more may pile up behind ' +
  'a lock, until PostgreSQL has no connection left. Set one, of 10 seconds say';
