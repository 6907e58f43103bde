import type { PostgresClient, PostgresPool, PostgresQuery } from '@novita-webhooks/inbox-postgres';

import type { PointName } from '../points.ts';
import type { Reach } from '../trap.ts';

/** A statement that is a transaction of its own, and the points before and after its answer. */
interface Work {
  readonly pattern: RegExp;
  readonly before: PointName;
  readonly after: PointName;
}

/** The inbox is told by its SQL: it knows nothing of being watched. */
const WORKS: readonly Work[] = [
  { pattern: /\.add\(\$1/, before: 'commit', after: 'committed' },
  { pattern: /\.claim\(\$1/, before: 'claim', after: 'claim' },
  { pattern: /\.settle\(\$1/, before: 'settle', after: 'settle' },
  { pattern: /AS deleted/, before: 'purge', after: 'purge' },
];

/** The inbox's own have one name for all. */
const OF_A_HANDLER = /SET LOCAL novita\.transaction TO '(?!inbox')/;

type Ask = (query: PostgresQuery) => ReturnType<PostgresClient['query']>;

/**
 * Calls `reach` before a statement is sent, when it is on its way, and when its answer is there, and
 * the same around the commits of migrations and of handlers.
 */
export function watchPool(pool: PostgresPool, reach: Reach): PostgresPool {
  /** Whether a claim may find something: at those that do not there is nothing to lose. */
  let isWaiting = false;

  async function around(ask: Ask, query: PostgresQuery, { pattern, before, after }: Work) {
    const isOfInterest = before !== 'claim' || isWaiting;
    const result = await (isOfInterest ? between(ask, query, reach, before) : ask(query));
    const hasFound = result.rows.length > 0;
    if (before === 'claim') isWaiting = hasFound;
    else if (before === 'commit') isWaiting = true;
    if (pattern.test(query.text) && (before !== 'claim' || hasFound)) reach(after);
    return result;
  }

  function watchClient(client: PostgresClient): PostgresClient {
    const ask: Ask = (query) => client.query(query);
    let transaction: PointName | undefined;
    const watched: PostgresClient = {
      async query(query) {
        const { text } = query;
        if (text.includes('pg_advisory_xact_lock')) transaction = 'migration';
        if (OF_A_HANDLER.test(text)) transaction = 'transaction';
        const work = WORKS.find(({ pattern }) => pattern.test(text));
        if (work?.before === 'claim') transaction = 'claim'; // its COMMIT is as much of it
        if (work) return around(ask, query, work);
        if (transaction === undefined) return ask(query);
        const point = transaction;
        if (/^(COMMIT|ROLLBACK)/.test(text)) transaction = undefined;
        else if (point === 'transaction') return ask(query); // the handler says when
        if (point === 'claim' && !isWaiting) return ask(query);
        return between(ask, query, reach, point);
      },
      release: (error) => client.release(error),
      on: (...parameters) => client.on?.(...parameters),
      removeListener: (...parameters) => client.removeListener?.(...parameters),
    };
    return watched;
  }

  return { connect: async () => watchClient(await pool.connect()) };
}

async function between(ask: Ask, query: PostgresQuery, reach: Reach, point: PointName) {
  reach(point);
  const asked = ask(query);
  reach(point); // it is with the server, which does not know that nobody waits any more
  const answer = await asked;
  reach(point);
  return answer;
}
