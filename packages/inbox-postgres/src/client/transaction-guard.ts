/**
 * SQL for a parameter that fails inside a transaction of this package. A connection in one was
 * released to the pool too early: what it writes is lost when that transaction is rolled back.
 *
 * The failure is 42704, since no setting of that name exists; `isConnectionUnusable` knows the code.
 * migrations/002-functions.ts has a copy of this expression.
 */
export const outsideTransaction = (parameter: string): string =>
  `CASE WHEN coalesce(current_setting('novita.transaction', true), '') = '' THEN ${parameter}::text ` +
  `ELSE current_setting('novita.connection_released_inside_transaction') END`;
