import { randomUUID } from 'node:crypto';

import { Redis } from 'ioredis';
import { Client } from 'pg';

interface Service {
  readonly name: string;
  /** The environment variable with its URL. */
  readonly variable: 'DATABASE_URL' | 'REDIS_URL';
  /** The URL if the variable is not set. */
  readonly fallback: string;
  /** Rejects if the server cannot be used. */
  readonly connect: (url: string) => Promise<void>;
}

const CONNECT_TIMEOUT_MS = 2000;

const postgres: Service = {
  name: 'PostgreSQL',
  variable: 'DATABASE_URL',
  fallback: 'postgres://postgres@127.0.0.1:5432/postgres',
  async connect(url) {
    const client = new Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    });
    client.on('error', () => undefined);
    await client.connect();
    await client.end();
  },
};

const redis: Service = {
  name: 'Redis',
  variable: 'REDIS_URL',
  fallback: 'redis://127.0.0.1:6379',
  async connect(url) {
    const client = new Redis(url, {
      lazyConnect: true,
      connectTimeout: CONNECT_TIMEOUT_MS,
      retryStrategy: () => null,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
    } finally {
      client.disconnect();
    }
  },
};

/** Finds PostgreSQL. See {@link find}. */
export const findPostgres = (subject: string): Promise<string | undefined> =>
  find(postgres, subject);

/** Finds Redis. See {@link find}. */
export const findRedis = (subject: string): Promise<string | undefined> => find(redis, subject);

/**
 * Resolves to the URL of a server. Without one, prints a warning and resolves to `undefined`.
 *
 * @param subject what is not tested without it
 * @throws if the variable names a server that cannot be used, or if the environment does not allow a
 *   skip (`CI`, `REQUIRE_SERVICES`)
 */
async function find(
  { name, variable, fallback, connect }: Service,
  subject: string,
): Promise<string | undefined> {
  const configured = process.env[variable];
  const url = configured ?? fallback;
  try {
    await connect(url);
    return url;
  } catch (error) {
    const message =
      `NOT TESTED: ${subject}: no ${name} at ${url} (${String(error)}). ` +
      `Start one there, or run \`${variable}=… npm test\`.`;
    const isStrict = [configured, process.env['CI'], process.env['REQUIRE_SERVICES']].some(Boolean);
    if (isStrict) throw new Error(message, { cause: error });
    console.warn(`\n  ⚠ ${message}\n`);
    return undefined;
  }
}

/** A database for one test, for programs whose table or key names cannot be changed. */
export interface TemporaryPlace {
  readonly url: string;
  /** Removes it from the server. */
  remove(): Promise<void>;
}

/** Creates a database. */
export async function temporaryDatabase(url: string): Promise<TemporaryPlace> {
  const name = `novita_test_${randomUUID().replaceAll('-', '')}`;
  await execute(url, `CREATE DATABASE ${name}`);
  const own = new URL(url);
  own.pathname = name;
  return { url: own.href, remove: () => execute(url, `DROP DATABASE ${name} WITH (FORCE)`) };
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Selects an empty database of the 16 that Redis has. */
export async function temporaryRedis(url: string): Promise<TemporaryPlace> {
  const client = new Redis(url);
  for (let index = 15; index > 0; index -= 1) {
    await client.select(index);
    if ((await client.dbsize()) > 0) continue;
    const own = new URL(url);
    own.pathname = String(index);
    return {
      url: own.href,
      async remove() {
        await client.flushdb();
        client.disconnect();
      },
    };
  }
  client.disconnect();
  throw new Error(`Redis at ${url}: none of the databases 1 to 15 is empty. Flush one.`);
}
