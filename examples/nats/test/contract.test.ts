import { connect } from '@nats-io/transport-node';
import {
  createManualClock,
  inboxContract,
  runCase,
  storeContract,
  type InboxSubject,
  type StoreSubject,
} from '@novita-webhooks/core/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';

import {
  findNatsServer,
  startNatsServer,
  type NatsServer,
} from '../../../test/support/nats-server.ts';
import { natsInbox } from '../src/inbox/nats-inbox.ts';
import { natsStore } from '../src/inbox/nats-store.ts';

const LEASE_MS = 30_000;
const version = await findNatsServer('the NATS inbox of the examples');

describe.skipIf(version === undefined)(`an inbox of your own, on ${version ?? 'NATS'}`, () => {
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

  for (const contractCase of storeContract) {
    test(`the store: ${contractCase.name}`, async ({ skip }) => {
      const given = await open();
      const { clock, connection } = given;
      const subject = (): StoreSubject => ({
        store: natsStore(given),
        advance: (ms) => clock.advance(ms),
      });
      const close = async ({ store }: StoreSubject) => {
        await store.close();
        await connection.close();
      };
      await runCase(contractCase, subject, close, skip);
    });
  }

  for (const contractCase of inboxContract) {
    test(`the inbox: ${contractCase.name}`, async ({ skip }) => {
      const given = await open();
      const { clock, connection } = given;
      const subject = (): InboxSubject => ({
        inbox: natsInbox({ ...given, leaseMs: LEASE_MS }),
        leaseMs: LEASE_MS,
        async advance(ms) {
          await clock.advance(ms);
          await connection.flush(); // the server takes real time
          await clock.flush();
        },
      });
      const close = async ({ inbox }: InboxSubject) => {
        await inbox.close();
        await connection.close();
      };
      await runCase(contractCase, subject, close, skip);
    });
  }
});
