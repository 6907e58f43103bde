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

describe.skipIf(version === undefined)('an inbox of your own', () => {
  let server: NatsServer;
  let streams = 0;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.remove());

  /** A stream of its own for each case. */
  async function open() {
    const connection = await connect({ servers: server.url });
    streams += 1;
    return { connection, stream: `CASE_${streams}`, clock: createManualClock() };
  }

  describeStoreContract(`the NATS store of the examples`, async () => {
    const given = await open();
    const { clock, connection } = given;
    const store = natsStore(given);
    const subject = { store, advance: (ms: number) => clock.advance(ms) };
    return { subject, close: () => store.close().then(() => connection.close()) };
  });

  describeInboxContract(`the NATS inbox of the examples`, async () => {
    const given = await open();
    const { clock, connection } = given;
    const openPeer = () =>
      natsInbox({
        ...given,
        leaseDurationMs: LEASE_MS,
        cleanupIntervalMs: 500,
        retention: RETENTION,
      });
    // Entries go by the clock of all, its own timers by one that stands still.
    const openSleeper = () => pollingInbox(natsStore(given), { clock: createManualClock() });
    const inbox = openPeer();
    const subject = {
      inbox,
      leaseDurationMs: LEASE_MS,
      retention: RETENTION,
      openPeer,
      openSleeper,
      async advance(ms: number) {
        await clock.advance(ms);
        await connection.flush(); // the server takes real time
        await clock.flush();
      },
    };
    return { subject, close: () => inbox.close().then(() => connection.close()) };
  });
});
