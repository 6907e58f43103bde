/**
 * Settings that a transaction of this package must not inherit from its connection: the application
 * shares the pool. See docs/decisions/0021.
 *
 * - `synchronous_commit` below `on`: a crash of the server loses commits that were acknowledged.
 * - `session_replication_role = replica`: the triggers that count entries do not run.
 *
 * migrations/002-functions.ts has a copy of these conditions.
 */
const SETTINGS = [
  [
    'synchronous_commit',
    'on',
    `current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')`,
  ],
  ['session_replication_role', 'origin', `current_setting('session_replication_role') = 'replica'`],
] as const;

/** SQL statements that set them until the end of the transaction, where they differ. */
export const SET_TRANSACTION_SETTINGS: string = SETTINGS.map(
  ([name, value, condition]) => `SELECT set_config('${name}', '${value}', true) WHERE ${condition}`,
).join(';\n');

/** SQL for a value that is never NULL. Reading it makes the COMMIT of its transaction durable. */
export const DURABLE_COMMIT: string =
  `CASE WHEN current_setting('synchronous_commit') IN ('on', 'remote_apply') THEN '' ` +
  `ELSE set_config('synchronous_commit', 'on', true) END`;
