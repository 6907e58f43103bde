import { Cluster } from 'ioredis';
import { describe, expect, test } from 'vitest';

import { afterwards, createTestEntry, stateOf, until, useConsumption } from './support/inbox.ts';
import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';
import { hasRedisServer, startRedisServer } from './support/redis-server.ts';

const suite = describe.skipIf(!hasRedisServer('the BullMQ inbox in a Redis Cluster'));

suite('cluster', () => {
  test('entries are added, handled, listed and discarded under a prefix with a hash tag', async () => {
    const inbox = bullmqInbox({
      connection: await useCluster(),
      prefix: '{n}',
      pollIntervalMs: 60_000,
    });
    afterwards(() => inbox.close());
    const entry = createTestEntry({ endpoint: 'x{y}:z' });
    const seen: string[] = [];
    useConsumption(
      inbox,
      async ({ taskId }) => {
        seen.push(taskId);
        return { type: 'dead', reason: 'no use', succeededHandlers: [] };
      },
      { endpoint: entry.endpoint },
    );
    await until('added', async () => (await inbox.add(entry).catch(String)) === 'added');
    expect(await inbox.add(entry)).toBe('duplicate');
    await until('dead', async () => (await stateOf(inbox, entry)) === 'dead');
    expect((await inbox.list()).entries).toHaveLength(1);
    expect(await inbox.replay(entry)).toBe(true);
    await until('run again', () => seen.length === 2);
    await until('dead', async () => (await stateOf(inbox, entry)) === 'dead');
    expect(await inbox.discard(entry)).toBe(true);
    expect(await inbox.stats()).toMatchObject({ pending: 0, running: 0, done: 0, dead: 0 });
  });

  test('without a hash tag, the error says to set one', async () => {
    const inbox = bullmqInbox({ connection: await useCluster(), prefix: 'n' });
    afterwards(() => inbox.close());
    await until('said', async () =>
      (await inbox.add(createTestEntry()).catch((error: unknown) => String(error))).includes(
        'hash tag',
      ),
    );
  });
});

/** One node is enough to test what a cluster rejects. */
async function useCluster(): Promise<Cluster> {
  const settings = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'];
  const server = await startRedisServer(settings);
  afterwards(server.close);
  await server.redis.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  const info = async () => String(await server.redis.call('CLUSTER', 'INFO'));
  await until('formed', async () => (await info()).includes('cluster_state:ok'));
  const cluster = new Cluster([{ host: '127.0.0.1', port: server.port }]);
  cluster.on('error', () => undefined);
  afterwards(async () => cluster.disconnect());
  return cluster;
}
