/** What a query answers with: the slice of `pg`'s `QueryResult` that is used. */
export interface PostgresResult {
  readonly rows: readonly unknown[];
  /** The command that was done: `ROLLBACK` is how PostgreSQL answers a `COMMIT` that could not be. */
  readonly command: string;
}

/** A statement with its parameters. One without `values` may be several, separated by `;`. */
export interface PostgresQuery {
  readonly text: string;
  readonly values?: unknown[];
}

/** A connection out of a pool: the slice of `pg`'s `PoolClient` that is used. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>;
  /**
   * Gives it back; with an error, to be closed. Then it really has to be: it may be in the middle of a
   * transaction, and whoever got it next would lose what they write.
   */
  release(error?: Error): void;
  /** For notifications, and to hear that the connection has ended. Without it there is polling. */
  on?(event: 'notification' | 'error' | 'end', listener: (message: unknown) => void): unknown;
  removeListener?(
    event: 'notification' | 'error' | 'end',
    listener: (message: unknown) => void,
  ): unknown;
  /** `T` and `E` in a transaction: such a client is not taken, but closed. `pg` has it from 8.23 on. */
  getTransactionStatus?(): string | null;
}

/** A pool of connections: the slice of `pg`'s `Pool` that is used. */
export interface PostgresPool {
  readonly options?: { readonly max?: number | undefined };
  connect(): Promise<PostgresClient>;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

/** The clients of a pool. `pg` can also be called with a callback, which has to be looked past. */
export type ClientOf<Pool extends PostgresPool> = Pool extends {
  connect: { (): Promise<infer Client>; (callback: never): unknown };
}
  ? unknown extends Client
    ? Awaited<ReturnType<Pool['connect']>>
    : Client
  : Awaited<ReturnType<Pool['connect']>>;
