/**
 * A parameter, or an error where the connection is in one of our transactions: somebody has given it
 * back to the pool before its end, and what is acknowledged in it is gone when it is rolled back. The
 * error is that there is no such setting; its code is in `isBroken`. migrations/002-functions.ts has a
 * copy, which knows the setting by the same name.
 */
export const outside = (parameter: string): string =>
  `CASE WHEN coalesce(current_setting('novita.transaction', true), '') = '' THEN ${parameter}::text ` +
  `ELSE current_setting('novita.connection_given_back_in_a_transaction') END`;
