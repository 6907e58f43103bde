// The servers that some suites need: where they are, or that they are not there.
import { randomUUID } from 'node:crypto';

import { Redis } from 'ioredis';
import { Client } from 'pg';

interface Service {
  readonly name: string;
  /** The environment variable that says where it is. */
  readonly variable: 'DATABASE_URL' | 'REDIS_URL';
  /** Where it is looked for otherwise. */
  readonly fallback: string;
  /** Rejects when it cannot be used. */
  readonly greet: (url: string) => Promise<void>;
}

const PATIENCE_MS = 2000;

const postgres: Service = {
  name: 'PostgreSQL',
  variable: 'DATABASE_URL',
  fallback: 'postgres://postgres@127.0.0.1:5432/postgres',
  async greet(url) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: PATIENCE_MS });
    client.on('error', () => undefined);
    await client.connect();
    await client.end();
  },
};

const redis: Service = {
  name: 'Redis',
  variable: 'REDIS_URL',
  fallback: 'redis://127.0.0.1:6379',
  async greet(url) {
    const client = new Redis(url, {
      lazyConnect: true,
      connectTimeout: PATIENCE_MS,
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

/** Looks for PostgreSQL. See {@link find}. */
export const findPostgres = (what: string): Promise<string | undefined> => find(postgres, what);

/** Looks for Redis. See {@link find}. */
export const findRedis = (what: string): Promise<string | undefined> => find(redis, what);

/**
 * Where a server is; `undefined`, said aloud, when there is none.
 *
 * @param what is not tested without it
 * @throws when the environment names one that cannot be used, or does not allow to skip
 */
async function find(
  { name, variable, fallback, greet }: Service,
  what: string,
): Promise<string | undefined> {
  const given = process.env[variable];
  const url = given ?? fallback;
  try {
    await greet(url);
    return url;
  } catch (error) {
    const message =
      `NOT TESTED: ${what}: no ${name} at ${url} (${String(error)}). ` +
      `Start one there, or run \`${variable}=… npm test\``;
    const isStrict = [given, process.env['CI'], process.env['REQUIRE_SERVICES']].some(Boolean);
    if (isStrict) throw new Error(message, { cause: error });
    console.warn(`\n  ⚠ ${message}\n`);
    return undefined;
  }
}

/** A place of its own on a server, for programs that cannot be told to use other names. */
export interface TemporaryPlace {
  readonly url: string;
  /** Leaves the server as it was. */
  remove(): Promise<void>;
}

/** A database of its own. */
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

/** One of Redis's numbered databases, in which there was nothing. */
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
  throw new Error(`none of the databases 1 to 15 of ${url} is empty`);
}
