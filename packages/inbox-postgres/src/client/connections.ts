import { createCodedError, POOL_TIMEOUT, QUERY_TIMEOUT } from '../errors.ts';
import type { PostgresClient, PostgresPool, PostgresResult } from '../pool.ts';
import { inSchema } from '../schema.ts';
import { getPoolQuota } from './pool-quota.ts';
import { withTimeout } from './timeout.ts';

/** Takes clients from the pool and releases them. Every call has a timeout. */
export interface Connections {
  /**
   * Takes a client from the pool, within `queryTimeoutMs`.
   *
   * @param lane `reserved`: outside the general quota, for heartbeats and notifications
   */
  acquireClient(lane?: 'reserved'): Promise<PostgresClient>;
  /** @param error why the connection must be closed */
  releaseClient(client: PostgresClient, error?: unknown): void;
  /** Runs a statement on a client that was acquired, within `queryTimeoutMs`. */
  queryOn(client: PostgresClient, text: string, values?: unknown[]): Promise<PostgresResult>;
}

export interface ConnectionsOptions {
  readonly pool: PostgresPool;
  /** The name of the schema, quoted. */
  readonly schema: string;
  readonly queryTimeoutMs: number;
}

export function createConnections({
  pool,
  schema,
  queryTimeoutMs,
}: ConnectionsOptions): Connections {
  ignorePoolErrors(pool);
  const { general } = getPoolQuota(pool);
  const permits = new WeakMap<PostgresClient, () => void>();

  async function connect(): Promise<PostgresClient> {
    const connecting = pool.connect();
    const client = await withTimeout(connecting, queryTimeoutMs, () =>
      createCodedError(
        POOL_TIMEOUT,
        `no connection of the pool became free within ${queryTimeoutMs} ms`,
      ),
    ).catch((error: unknown) => {
      connecting.then((late) => late.release(), ignore); // the pool may still deliver it
      throw error;
    });
    client.on?.('error', ignore); // the pending statement rejects with the same error
    if (!isInTransaction(client)) return client;
    // Its last user left a transaction open. What is written in it may never be committed.
    release(client, new Error('the connection was released in the middle of a transaction'));
    return connect();
  }

  return {
    async acquireClient(lane) {
      const releasePermit = lane === 'reserved' ? ignore : await general.acquire(queryTimeoutMs);
      try {
        const client = await connect();
        permits.set(client, releasePermit);
        return client;
      } catch (error) {
        releasePermit();
        throw error;
      }
    },
    releaseClient(client, error) {
      const releasePermit = permits.get(client);
      release(client, error);
      releasePermit?.();
    },
    queryOn(client, text, values) {
      const answer = client.query({ text: inSchema(text, schema), ...(values && { values }) });
      return withTimeout(answer, queryTimeoutMs, () =>
        createCodedError(QUERY_TIMEOUT, `the server did not answer within ${queryTimeoutMs} ms`),
      );
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

/** The pool emits `error` when an idle connection breaks. Without a listener, Node.js would exit. */
function ignorePoolErrors(pool: PostgresPool): void {
  if (!withListener.has(pool)) pool.on?.('error', ignore);
  withListener.add(pool);
}

const withListener = new WeakSet<PostgresPool>();

const ignore = (): void => undefined;
