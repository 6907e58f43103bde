import type { PostgresClient, PostgresPool, PostgresQuery } from '@novita-webhooks/inbox-postgres';

import type { KillPointName } from '../kill-points.ts';
import type { Reach } from '../kill-switch.ts';

/** A statement that commits by itself, with the kill points before and after its answer. */
interface WatchedStatement {
  readonly pattern: RegExp;
  readonly before: KillPointName;
  readonly after: KillPointName;
}

/** Statements of the inbox, recognized by their SQL. */
const WATCHED_STATEMENTS: readonly WatchedStatement[] = [
  { pattern: /\.add\(\$1/, before: 'commit', after: 'committed' },
  { pattern: /\.claim\(\$1/, before: 'claim', after: 'claim' },
  { pattern: /\.settle\(\$1/, before: 'settle', after: 'settle' },
  { pattern: /AS deleted/, before: 'deleteExpired', after: 'deleteExpired' },
];

/** The transaction of a handler. Those of the inbox itself have the name `inbox`. */
const BEGIN_OF_HANDLER = /SET LOCAL novita\.transaction TO '(?!inbox')/;

type RunQuery = (query: PostgresQuery) => ReturnType<PostgresClient['query']>;

/**
 * Calls `reach` before a statement is sent, after it is sent, and after its answer. Does the same for
 * the statements of migrations and claims, and for the commits of handlers.
 */
export function watchPool(pool: PostgresPool, reach: Reach): PostgresPool {
  /** Whether a claim may find an entry. An empty claim is no kill point. */
  let mayFindEntries = false;

  async function runWatched(
    run: RunQuery,
    query: PostgresQuery,
    { before, after }: WatchedStatement,
  ) {
    const isKillPoint = before !== 'claim' || mayFindEntries;
    const result = await (isKillPoint ? runWithPoints(run, query, reach, before) : run(query));
    const hasFound = result.rows.length > 0;
    if (before === 'claim') mayFindEntries = hasFound;
    else if (before === 'commit') mayFindEntries = true;
    if (before !== 'claim' || hasFound) reach(after);
    return result;
  }

  function watchClient(client: PostgresClient): PostgresClient {
    const run: RunQuery = (query) => client.query(query);
    let transaction: KillPointName | undefined;
    const watched: PostgresClient = {
      async query(query) {
        const { text } = query;
        if (text.includes('pg_advisory_xact_lock')) transaction = 'migration';
        if (BEGIN_OF_HANDLER.test(text)) transaction = 'transaction';
        const statement = WATCHED_STATEMENTS.find(({ pattern }) => pattern.test(text));
        if (statement?.before === 'claim') transaction = 'claim'; // its COMMIT is a kill point, too
        if (statement) return runWatched(run, query, statement);
        if (transaction === undefined) return run(query);
        const point = transaction;
        if (/^(COMMIT|ROLLBACK)/.test(text)) transaction = undefined;
        else if (point === 'transaction') return run(query); // the handler calls reach
        if (point === 'claim' && !mayFindEntries) return run(query);
        return runWithPoints(run, query, reach, point);
      },
      release: (error) => client.release(error),
      on: (...parameters) => client.on?.(...parameters),
      removeListener: (...parameters) => client.removeListener?.(...parameters),
    };
    return watched;
  }

  return { connect: async () => watchClient(await pool.connect()) };
}

async function runWithPoints(
  run: RunQuery,
  query: PostgresQuery,
  reach: Reach,
  point: KillPointName,
) {
  reach(point);
  const answer = run(query);
  reach(point); // the server runs the statement, although its client dies
  const result = await answer;
  reach(point);
  return result;
}
