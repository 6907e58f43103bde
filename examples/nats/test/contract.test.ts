import { connect } from '@nats-io/transport-node';
import { pollingInbox } from '@novita-webhooks/core';
import { createManualClock } from '@novita-webhooks/testing';
import { afterAll, beforeAll, describe } from 'vitest';

import {
  describeInboxContract,
  describeStoreContract,
} from '../../../test/support/describe-contract.ts';
import {
  findNatsServer,
  startNatsServer,
  type NatsServer,
} from '../../../test/support/nats-server.ts';
import { natsInbox } from '../src/inbox/nats-inbox.ts';
import { natsStore } from '../src/inbox/nats-store.ts';

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
    const subject = { store, advance: (ms: number) => clock.advance(ms) };
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
    const subject = {
      inbox,
      leaseDurationMs: LEASE_MS,
      retention: RETENTION,
      openPeer,
      openSleeper,
      async advance(ms: number) {
        await clock.advance(ms);
        await connection.flush(); // waits until the server has answered
        await clock.flush();
      },
    };
    return { subject, close: () => inbox.close().then(() => connection.close()) };
  });
});
