/** Settings of a session that change what other users of the connection read, write, see or wait for. */
const SETTINGS = [
  ...['role', 'session_authorization', 'search_path', 'row_security', 'TimeZone', 'DateStyle'],
  ...['default_transaction_read_only', 'default_transaction_isolation', 'synchronous_commit'],
  ...['session_replication_role', 'statement_timeout', 'lock_timeout', 'client_encoding'],
  ...['idle_in_transaction_session_timeout', 'default_transaction_deferrable'],
];

/** SQL for their values as one text. */
export const SESSION_SETTINGS: string = `concat_ws('|', ${SETTINGS.map(
  (name) => `current_setting('${name}')`,
).join(', ')})`;
