import { WebhookError } from '@novita-webhooks/core';
import { RedisConnection, RedisQueueBackend, type KeepJobs, type MinimalJob } from 'bullmq';

import type { Client } from './client.ts';
import type { Connection } from './connection.ts';
import { scripts, toAddJobs } from './scripts.ts';

/** BullMQ's client: ours, with its scripts and our own. */
export type ScriptClient = Awaited<RedisConnection['client']>;

/** What is used of BullMQ, with one method that it declares as protected. */
export type Bullmq = RedisQueueBackend & {
  moveToFinishedArgs(
    job: MinimalJob,
    value: string | undefined,
    field: 'returnvalue' | 'failedReason',
    keep: KeepJobs,
    target: 'completed' | 'failed',
    token: string,
    timestamp: number,
    fetchNext: boolean,
    fieldsToUpdate: Readonly<Record<string, string>> | undefined,
  ): (string | number | boolean | Buffer)[];
};

interface BackendOptions {
  readonly queue: string;
  readonly prefix: string;
  readonly keys: ConstructorParameters<typeof RedisQueueBackend>[2];
  readonly key: (suffix: string) => string;
  readonly leaseDurationMs: number;
  readonly checkMs: number;
}

/** BullMQ's operations on one queue. */
export function createBackend(
  shared: RedisConnection,
  connection: Connection,
  { queue, prefix, keys, key, leaseDurationMs, checkMs }: BackendOptions,
): Bullmq {
  const options = {
    connection: connection.client,
    prefix,
    lockDuration: leaseDurationMs,
    stalledInterval: checkMs,
    // A worker that dies costs an attempt; how many there are is not BullMQ's business.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
  } as ConstructorParameters<typeof RedisQueueBackend>[4];
  const backend = new RedisQueueBackend(shared, queue, keys, key, options, undefined, false);
  goByRedis(backend, connection);
  return backend as Bullmq;
}

/** After eleven keys and the prefix. */
const TIME_OF_CLAIM = 12;

/** BullMQ takes by the clock of this machine what is due; that of Redis is the same for all. */
function goByRedis(backend: RedisQueueBackend, connection: Connection): void {
  const execCommand = backend.execCommand.bind(backend);
  backend.execCommand = (client, command, args: readonly unknown[]): unknown =>
    execCommand(
      client,
      command,
      command === 'moveToActive' ? args.with(TIME_OF_CLAIM, connection.now()) : [...args],
    );
}

export interface Shared {
  readonly connection: RedisConnection;
  /** With BullMQ's scripts and our own. */
  readonly client: Promise<ScriptClient>;
}

/** Makes a client known to BullMQ. One of our scripts contains BullMQ's, as BullMQ loads it. */
export function share(client: Client): Shared {
  const lua = new Map<string, string>();
  const define = client.defineCommand.bind(client);
  client.defineCommand = (command, definition) => {
    lua.set(command.replace(/:.*/, ''), definition.lua); // after the name comes a version
    define(command, definition);
  };
  const connection = new RedisConnection(client, {
    shared: true,
    blocking: false,
    skipVersionCheck: true, // it asks for no more than `open` does, and prints instead of logging
    skipWaitingForReady: true,
  });
  connection.on('error', () => undefined); // the client has a listener of its own
  const loading = connection.client.then((loaded) => {
    const addStandardJob = lua.get('addStandardJob');
    if (addStandardJob === undefined) throw notSupported();
    for (const { name, ...script } of [...scripts, toAddJobs(addStandardJob)]) {
      // The count of keys may be left out, whatever its type says.
      loaded.defineCommand(name, script as Required<typeof script>);
    }
    return loaded;
  });
  loading.catch(() => undefined); // whoever uses it is told
  return { connection, client: loading };
}

type NewJob = Parameters<RedisQueueBackend['addJob']>[0] & { readonly id: string };

interface AddCall {
  readonly keys: readonly string[];
  readonly args: readonly (string | Buffer)[];
}

/** After the keys: what the job is, its data, its options. */
const ARGUMENTS = 3;

/** What BullMQ would tell its script that adds a job. */
export function toAddCall(bullmq: Bullmq, job: NewJob): AddCall {
  let told: (string | Buffer)[] = [];
  const listener = {
    runCommand(_: string, all: typeof told): number {
      told = all;
      return 0;
    },
  };
  // It tells at once, if at all, although it answers later.
  bullmq.addJobToTransaction(listener as never, job, job.id).catch(() => undefined);
  if (told.length <= ARGUMENTS) throw notSupported();
  return { keys: told.slice(0, -ARGUMENTS) as string[], args: told.slice(-ARGUMENTS) };
}

const notSupported = () =>
  new WebhookError(
    'not_supported',
    'BullMQ does not add jobs as it did: this inbox needs BullMQ 6',
  );
