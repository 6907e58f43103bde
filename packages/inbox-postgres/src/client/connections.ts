import { within } from './timeout.ts';
import type { PostgresClient, PostgresPool, PostgresResult } from '../pool.ts';
import { inSchema } from '../schema.ts';
import { sharesOf } from './pool-quota.ts';
import { NO_ANSWER, NO_FREE_CONNECTION, troubled } from '../errors.ts';

/** Clients out of a pool: no call waits for ever, and each of them comes back. */
export interface Connections {
  /**
   * A client to keep for a while. Rejects when there is none in time.
   *
   * @param lane `aside`: out of those that are kept for what must not wait behind everything else
   */
  connect(lane?: 'aside'): Promise<PostgresClient>;
  /** @param error why it is to be closed */
  giveBack(client: PostgresClient, error?: unknown): void;
  /** A statement on a client that was borrowed. */
  ask(client: PostgresClient, text: string, values?: unknown[]): Promise<PostgresResult>;
}

export interface ConnectionsOptions {
  readonly pool: PostgresPool;
  /** The schema's name, quoted. */
  readonly schema: string;
  readonly queryTimeoutMs: number;
}

export function createConnections({
  pool,
  schema,
  queryTimeoutMs,
}: ConnectionsOptions): Connections {
  hear(pool);
  const { all } = sharesOf(pool);
  const leaving = new WeakMap<PostgresClient, () => void>();

  async function checkOut(): Promise<PostgresClient> {
    const connecting = pool.connect();
    const late = () =>
      troubled(NO_FREE_CONNECTION, `no connection within ${queryTimeoutMs} milliseconds`);
    const client = await within(connecting, queryTimeoutMs, late).catch((error: unknown) => {
      connecting.then((late) => late.release(), ignore); // it may still come
      throw error;
    });
    client.on?.('error', ignore); // whoever waits for an answer hears of it
    if (!isInTransaction(client)) return client;
    // Somebody else has forgotten to end it, and what is written in it may never be committed.
    release(client, new Error('given back to the pool in the middle of a transaction'));
    return checkOut();
  }

  async function connect(lane?: 'aside'): Promise<PostgresClient> {
    const leave = lane === 'aside' ? ignore : await all.take(queryTimeoutMs);
    try {
      const client = await checkOut();
      leaving.set(client, leave);
      return client;
    } catch (error) {
      leave();
      throw error;
    }
  }

  return {
    connect,
    giveBack(client, error) {
      const leave = leaving.get(client);
      release(client, error);
      leave?.();
    },
    ask(client, text, values) {
      const asked = client.query({ text: inSchema(text, schema), ...(values && { values }) });
      const late = () => troubled(NO_ANSWER, `no answer within ${queryTimeoutMs} milliseconds`);
      return within(asked, queryTimeoutMs, late);
    },
  };
}

function isInTransaction(client: PostgresClient): boolean {
  const status = client.getTransactionStatus?.();
  return status === 'T' || status === 'E';
}

function release(client: PostgresClient, error?: unknown): void {
  client.removeListener?.('error', ignore);
  if (error === undefined) client.release();
  else client.release(error instanceof Error ? error : new Error('closed', { cause: error }));
}

/** An idle connection that breaks is reported to the pool; unheard, that would end the process. */
function hear(pool: PostgresPool): void {
  if (!heard.has(pool)) pool.on?.('error', ignore);
  heard.add(pool);
}

const heard = new WeakSet<PostgresPool>();

const ignore = (): void => undefined;
