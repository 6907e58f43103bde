// The part of the interface of `pg` that this package uses.

/** The result of a query. */
export interface PostgresResult {
  readonly rows: readonly unknown[];
  /** The command that ran. PostgreSQL answers `ROLLBACK` to the `COMMIT` of a failed transaction. */
  readonly command: string;
}

/** A statement with its parameters. Without `values` it may be several statements, separated by `;`. */
export interface PostgresQuery {
  readonly text: string;
  readonly values?: unknown[];
}

/** A connection of a pool, as a `PoolClient` of `pg`. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>;
  /**
   * Returns the connection to the pool. With an error, the pool must close it: it may be inside a
   * transaction, and what its next user writes would be lost.
   */
  release(error?: Error): void;
  /** Reports notifications and the end of the connection. Without it, the inbox polls. */
  on?(event: 'notification' | 'error' | 'end', listener: (message: unknown) => void): unknown;
  removeListener?(
    event: 'notification' | 'error' | 'end',
    listener: (message: unknown) => void,
  ): unknown;
  /** `T` or `E` inside a transaction: the inbox closes such a client. In `pg` from 8.23 on. */
  getTransactionStatus?(): string | null;
}

/** A pool of connections, as a `Pool` of `pg`. */
export interface PostgresPool {
  /** `max` limits the connections; default 10. */
  readonly options?: { readonly max?: number | undefined };
  connect(): Promise<PostgresClient>;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

/** The type of the clients of a pool. `connect` of `pg` has an overload with a callback: it is skipped. */
export type ClientOf<Pool extends PostgresPool> = Pool extends {
  connect: { (): Promise<infer Client>; (callback: never): unknown };
}
  ? unknown extends Client
    ? Awaited<ReturnType<Pool['connect']>>
    : Client
  : Awaited<ReturnType<Pool['connect']>>;
