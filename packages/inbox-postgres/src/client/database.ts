import { createConnections, type Connections, type ConnectionsOptions } from './connections.ts';
import { outside } from './transaction-guard.ts';
import { sleep } from './sleep.ts';
import { isBroken, isConflict, NO_ANSWER, troubled } from '../errors.ts';

/** Runs one statement. Its text is written for the default schema, and meant for the one in use. */
export type Query = <Row>(text: string, values?: unknown[]) => Promise<readonly Row[]>;

/** A pool as the operations use it. */
export interface Database extends Connections {
  /** One statement, which is a transaction; done again after a conflict with others. */
  readonly query: Query;
  /** The same, on a connection of those that are kept for it. */
  readonly queryAside: Query;
  /** Several statements in one transaction, likewise. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
}

type Ask = (text: string, values?: unknown[]) => ReturnType<Connections['ask']>;

export function createDatabase(options: ConnectionsOptions): Database {
  const connections = createConnections(options);
  const { connect, giveBack, ask } = connections;

  async function borrow<T>(work: (ask: Ask) => Promise<T>, lane?: 'aside'): Promise<T> {
    const client = await connect(lane);
    try {
      const result = await work((text, values) => ask(client, text, values));
      giveBack(client);
      return result;
    } catch (error) {
      giveBack(client, isBroken(error) ? error : undefined);
      throw error;
    }
  }

  return {
    ...connections,
    query: (text, values) =>
      untilWithoutConflict(() => borrow((ask) => toQuery(ask)(text, values))),
    queryAside: (text, values) =>
      untilWithoutConflict(() => borrow((ask) => toQuery(ask)(text, values), 'aside')),
    transaction: (work) =>
      untilWithoutConflict(() =>
        borrow((ask) => inTransaction(ask, begin(options.queryTimeoutMs), work)),
      ),
  };
}

function toQuery(ask: Ask): Query {
  return async <Row>(text: string, values?: unknown[]) =>
    (await ask(text, values)).rows as readonly Row[];
}

/**
 * Whoever freezes in the middle of one, or whose connection does, must not keep others from their
 * locks; and whoever has given up waiting for a lock must not go on waiting at the server, which
 * gives up first, so that the connection stays.
 */
const begin = (queryTimeoutMs: number) => `
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SELECT ${outside("''")};
SET LOCAL novita.transaction TO 'own';
SET LOCAL idle_in_transaction_session_timeout TO ${Math.ceil(Math.min(2 * queryTimeoutMs, LONGEST_IDLE_MS))};
SET LOCAL lock_timeout TO ${Math.ceil(0.8 * queryTimeoutMs)}`;

const LONGEST_IDLE_MS = 10_000;

async function inTransaction<T>(
  ask: Ask,
  beginning: string,
  work: (query: Query) => Promise<T>,
): Promise<T> {
  try {
    await ask(beginning);
    const result = await work(toQuery(ask));
    const { command } = await ask('COMMIT');
    if (command !== 'COMMIT') throw troubled(NO_ANSWER, 'it was not committed');
    return result;
  } catch (error) {
    if (!isBroken(error)) await ask('ROLLBACK');
    throw error;
  }
}

/** How often what has met with a conflict is done in all. */
const TRIES = 5;
const LONGEST_PAUSE_MS = 20;

async function untilWithoutConflict<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries >= TRIES || !isConflict(error)) throw error;
      await sleep(Math.random() * tries * LONGEST_PAUSE_MS); // or they meet again
    }
  }
}
