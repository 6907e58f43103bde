import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { createReceiver, pollingInbox, type EntryKey } from '@novita-webhooks/core';
import {
  createManualClock,
  createTestEntry,
  type InboxSubject,
  type StoreSubject,
} from '@novita-webhooks/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import {
  describeInboxContract,
  describeStoreContract,
} from '../../../test/support/describe-contract.ts';
import { forkProgram } from '../../../test/support/fork-program.ts';
import {
  findNatsServer,
  startNatsServer,
  type NatsServer,
} from '../../../test/support/nats-server.ts';
import { natsInbox } from '../src/inbox/nats-inbox.ts';
import { natsStore } from '../src/inbox/nats-store.ts';
import type { Row } from '../src/inbox/nats-table.ts';

const LEASE_MS = 30_000;
const RETENTION = { doneMs: 2000, deadMs: 4000 };
const version = await findNatsServer('the NATS inbox of the examples');

describe.skipIf(version === undefined)('nats-inbox', () => {
  let server: NatsServer;
  let streams = 0;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.remove());

  /** Opens a connection and a new stream for each case. */
  async function openStream() {
    const connection = await connect({ servers: server.url });
    streams += 1;
    return { connection, stream: `CASE_${streams}`, clock: createManualClock() };
  }

  describeStoreContract('NATS store', async () => {
    const options = await openStream();
    const { clock, connection } = options;
    const store = natsStore(options);
    const damage = {
      metadata: ({ entry }: Row) => ({ entry: { ...entry, metadata: 7 } }),
      'succeeded handlers': ({ entry }: Row) => ({ entry: { ...entry, succeededHandlers: [{}] } }),
      'time of arrival': ({ entry }: Row) => ({ entry: { ...entry, receivedAt: 'today' } }),
    };
    const subject: StoreSubject = {
      store,
      advance: (ms) => clock.advance(ms),
      damage: Object.fromEntries(
        Object.entries(damage).map(([kind, change]) => [
          kind,
          async (key) => {
            await store.claim('novita', 0, LEASE_MS); // from now on the store watches the stream
            const seen = new Promise<void>((resolve) => store.subscribe?.('novita', resolve));
            await rewrite(options, key, (row) => JSON.stringify({ ...row, ...change(row) }));
            await seen;
          },
        ]),
      ),
    };
    return { subject, close: () => store.close().then(() => connection.close()) };
  });

  describeInboxContract('NATS inbox', async () => {
    const options = await openStream();
    const { clock, connection } = options;
    const openPeer = () =>
      natsInbox({
        ...options,
        leaseDurationMs: LEASE_MS,
        cleanupIntervalMs: 500,
        retention: RETENTION,
      });
    // Entries use the common clock. The timers of this inbox use a clock that does not move.
    const openSleeper = () => pollingInbox(natsStore(options), { clock: createManualClock() });
    const inbox = openPeer();
    const program = new URL('contract-process.ts', import.meta.url);
    const subject: InboxSubject = {
      inbox,
      leaseDurationMs: LEASE_MS,
      retention: RETENTION,
      openPeer,
      openSleeper,
      jump: clock.jump,
      startProcess: () => forkProgram(program, [server.url, options.stream]),
      async advance(ms) {
        await clock.advance(ms);
        await connection.flush(); // waits until the server has answered
        await clock.flush();
      },
    };
    return { subject, close: () => inbox.close().then(() => connection.close()) };
  });

  test('an entry that this process has seen stays due when the clock is set back', async () => {
    const options = await openStream();
    const store = natsStore(options);
    const entry = createTestEntry();
    await store.add(entry);
    options.clock.jump(-3_600_000);
    expect(await store.nextDueMs('novita')).toBe(0);
    expect(await store.claim('novita', 1, LEASE_MS)).toMatchObject([{ taskId: entry.taskId }]);
    await store.close();
    await options.connection.close();
  });

  test('a message that is not JSON becomes a dead letter, and does not stop the others', async () => {
    const options = await openStream();
    const inbox = natsInbox(options);
    const [damaged, intact] = [createTestEntry({ endpoint: 'my shop' }), createTestEntry()];
    for (const entry of [damaged, intact]) {
      await inbox.add({ ...entry, endpoint: damaged.endpoint });
    }
    await rewrite(options, damaged, () => '{"entry"');
    const receiver = createReceiver({
      insecure: true,
      inbox,
      endpoint: damaged.endpoint,
      logger: false,
    });
    receiver.onTaskFinished(() => undefined);
    receiver.start();
    await vi.waitUntil(async () => (await inbox.stats()).done === 1, { timeout: 10_000 });
    await vi.waitUntil(async () => (await inbox.get(damaged))?.state === 'dead', {
      timeout: 10_000,
    });
    expect((await inbox.get(damaged))?.reason).toMatch(/stored metadata and succeeded handlers/);
    await receiver.close();
    await options.connection.close();
  });
});

/** Replaces the message of an entry. */
async function rewrite(
  { connection, stream }: { readonly connection: NatsConnection; readonly stream: string },
  { endpoint, taskId }: EntryKey,
  change: (row: Row) => string,
): Promise<void> {
  const { streams } = await jetstreamManager(connection);
  const word = /^[\w-]+$/.test(endpoint)
    ? endpoint
    : `=${Buffer.from(endpoint).toString('base64url')}`;
  const last_by_subj = `${stream}.${word}.${taskId}`;
  const message = await streams.getMessage(stream, { last_by_subj });
  if (message === null) throw new Error(`there is no message of ${taskId}`);
  await jetstream(connection).publish(last_by_subj, change(message.json<Row>()));
}
