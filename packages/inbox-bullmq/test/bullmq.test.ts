import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';

import { version } from 'bullmq/package.json' with { type: 'json' };

import { findRedis } from '../../../test/support/services.ts';
import { toAddCall } from '../src/bullmq.ts';
import { afterwards, createTestEntry, useInbox, usePlace } from './support/inbox.ts';

const url = (await findRedis('what is used of the insides of BullMQ')) ?? '';

test('a BullMQ that does not tell its script at once what to add is refused', () => {
  const later = { addJobToTransaction: () => Promise.resolve('id') };
  expect(() => toAddCall(later as never, { id: 'id' } as never)).toThrow(/needs BullMQ 6/);
});

describe.skipIf(url === '')('a client', () => {
  test("with a script that is named like one of BullMQ's is not misled by it", async () => {
    const name = `addStandardJob:${version}`;
    const client = new Redis(url, { scripts: { [name]: { lua: 'return 1', numberOfKeys: 0 } } });
    afterwards(() => client.quit());
    const inbox = useInbox(url, usePlace(url), { connection: client });
    expect(await inbox.add(createTestEntry())).toBe('added');
  });
});
