import { isConflict, isConnectionUnusable } from '../errors.ts';
import { createConnections, type Connections, type ConnectionsOptions } from './connections.ts';
import { sleep } from './sleep.ts';
import { outsideTransaction } from './transaction-guard.ts';

/** Runs one statement. Its text names the default schema, which is replaced by the one in use. */
export type Query = <Row>(text: string, values?: unknown[]) => Promise<readonly Row[]>;

/** Runs statements and transactions on a pool. */
export interface Database extends Connections {
  /** Runs one statement as a transaction of its own. Retries it after a conflict. */
  readonly query: Query;
  /** The same as `query`, outside the general quota. */
  readonly queryReserved: Query;
  /** Runs several statements in one transaction. Retries it after a conflict. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
}

type QueryClient = (text: string, values?: unknown[]) => ReturnType<Connections['queryOn']>;

export function createDatabase(options: ConnectionsOptions): Database {
  const connections = createConnections(options);
  const { acquireClient, releaseClient, queryOn } = connections;

  async function withClient<T>(
    work: (query: QueryClient) => Promise<T>,
    lane?: 'reserved',
  ): Promise<T> {
    const client = await acquireClient(lane);
    try {
      const result = await work((text, values) => queryOn(client, text, values));
      releaseClient(client);
      return result;
    } catch (error) {
      releaseClient(client, isConnectionUnusable(error) ? error : undefined);
      throw error;
    }
  }

  const queryIn =
    (lane?: 'reserved'): Query =>
    (text, values) =>
      retryConflicts(() => withClient((query) => toRows(query)(text, values), lane));

  return {
    ...connections,
    query: queryIn(),
    queryReserved: queryIn('reserved'),
    transaction: (work) =>
      retryConflicts(() =>
        withClient((query) => runTransaction(query, begin(options.queryTimeoutMs), work)),
      ),
  };
}

function toRows(query: QueryClient): Query {
  return async <Row>(text: string, values?: unknown[]) =>
    (await query(text, values)).rows as readonly Row[];
}

/**
 * If this process freezes or its connection is half-open, the server ends the transaction and its
 * locks. A statement that waits for a lock fails at the server before this client gives up: then the
 * connection stays usable.
 */
const begin = (queryTimeoutMs: number) => `
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SELECT ${outsideTransaction("''")};
SET LOCAL novita.transaction TO 'inbox';
SET LOCAL idle_in_transaction_session_timeout TO ${Math.ceil(Math.min(2 * queryTimeoutMs, MAX_IDLE_MS))};
SET LOCAL lock_timeout TO ${Math.ceil(0.8 * queryTimeoutMs)}`;

const MAX_IDLE_MS = 10_000;

async function runTransaction<T>(
  query: QueryClient,
  beginning: string,
  work: (query: Query) => Promise<T>,
): Promise<T> {
  try {
    await query(beginning);
    const result = await work(toRows(query));
    const { command } = await query('COMMIT');
    if (command !== 'COMMIT') throw new Error('the server did not confirm a COMMIT');
    return result;
  } catch (error) {
    if (!isConnectionUnusable(error)) await query('ROLLBACK');
    throw error;
  }
}

/** The first try included. */
const MAX_TRIES = 5;
/** Per try so far. */
const MAX_RETRY_DELAY_MS = 20;

async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries >= MAX_TRIES || !isConflict(error)) throw error;
      await sleep(Math.random() * tries * MAX_RETRY_DELAY_MS); // random: or both conflict again
    }
  }
}
