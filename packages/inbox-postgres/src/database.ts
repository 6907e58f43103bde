import { within } from './deadline.ts';
import type { PostgresClient, PostgresPool } from './pool.ts';
import { inSchema } from './schema.ts';
import { isBroken, isConflict, NO_ANSWER, NO_FREE_CONNECTION, troubled } from './troubles.ts';

/** Runs one statement. Its text is written for the default schema, and meant for the one in use. */
export type Query = <Row>(text: string, values?: unknown[]) => Promise<readonly Row[]>;

/** A pool as the operations use it: no call waits for ever, and each client comes back. */
export interface Database {
  /** One statement, which is a transaction; done again after a conflict with others. */
  readonly query: Query;
  /** Several statements in one transaction, likewise. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** A client to keep for a while. Rejects when there is none in time. */
  connect(): Promise<PostgresClient>;
  /** @param error why it is to be closed */
  giveBack(client: PostgresClient, error?: unknown): void;
  /** A statement on a client that was borrowed. */
  ask(client: PostgresClient, text: string, values?: unknown[]): Promise<Answer>;
}

interface Answer {
  readonly rows: readonly unknown[];
  readonly command?: string | undefined;
}

export interface DatabaseOptions {
  readonly pool: PostgresPool;
  /** The schema's name, quoted. */
  readonly schema: string;
  readonly queryMs: number;
}

/** How often what has met with a conflict is done in all. */
const TRIES = 5;

export function createDatabase({ pool, schema, queryMs }: DatabaseOptions): Database {
  hear(pool);

  async function connect(): Promise<PostgresClient> {
    const connecting = pool.connect();
    const late = () => troubled(NO_FREE_CONNECTION, `no connection within ${queryMs} milliseconds`);
    try {
      const client = await within(connecting, queryMs, late);
      client.on?.('error', ignore); // whoever waits for an answer hears of it
      return client;
    } catch (error) {
      connecting.then((client) => client.release(), ignore); // it may still come
      throw error;
    }
  }

  function ask(client: PostgresClient, text: string, values?: unknown[]): Promise<Answer> {
    const asked = client.query({ text: inSchema(text, schema), ...(values && { values }) });
    return within(asked, queryMs, () =>
      troubled(NO_ANSWER, `no answer within ${queryMs} milliseconds`),
    );
  }

  async function borrow<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const client = await connect();
    const query: Query = async <Row>(text: string, values?: unknown[]) =>
      (await ask(client, text, values)).rows as readonly Row[];
    try {
      const result = await work(query);
      giveBack(client);
      return result;
    } catch (error) {
      giveBack(client, isBroken(error) ? error : undefined);
      throw error;
    }
  }

  return {
    query: (text, values) => untilWithoutConflict(() => borrow((query) => query(text, values))),
    transaction: (work) =>
      untilWithoutConflict(() => borrow((query) => inTransaction(query, begin(queryMs), work))),
    connect,
    giveBack,
    ask,
  };
}

function giveBack(client: PostgresClient, error?: unknown): void {
  try {
    if (error === undefined) client.release();
    else client.release(error instanceof Error ? error : new Error('closed', { cause: error }));
  } catch {
    // Somebody who had it in a transaction has given it back already.
  }
  client.removeListener?.('error', ignore);
}

/** An idle connection that breaks is reported to the pool; unheard, that would end the process. */
function hear(pool: PostgresPool): void {
  if (!heard.has(pool)) pool.on?.('error', ignore);
  heard.add(pool);
}

const heard = new WeakSet<PostgresPool>();

/**
 * Whoever freezes in the middle of one, or whose connection does, must not keep others from their
 * locks; and whoever has given up waiting for a lock must not go on waiting at the server.
 */
const begin = (queryMs: number) => `
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL idle_in_transaction_session_timeout TO ${Math.ceil(Math.min(2 * queryMs, LONGEST_IDLE_MS))};
SET LOCAL lock_timeout TO ${Math.ceil(queryMs)}`;

const LONGEST_IDLE_MS = 10_000;

async function inTransaction<T>(
  query: Query,
  beginning: string,
  work: (query: Query) => Promise<T>,
): Promise<T> {
  await query(beginning);
  try {
    const result = await work(query);
    await query('COMMIT');
    return result;
  } catch (error) {
    if (!isBroken(error)) await query('ROLLBACK');
    throw error;
  }
}

async function untilWithoutConflict<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries >= TRIES || !isConflict(error)) throw error;
    }
  }
}

const ignore = (): void => undefined;
