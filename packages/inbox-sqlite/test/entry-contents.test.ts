import { createReceiver, type JsonObject } from '@novita-webhooks/core';
import { delivery, sampleEvents } from '@novita-webhooks/testing';
import { sqliteInbox, sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';
import { describe, expect, test, vi } from 'vitest';

import { createTestEntry } from './support/large-inbox.ts';
import { presentDrivers } from './support/drivers.ts';
import { quickTemporaryFile } from './support/temporary-files.ts';

const LEASE_MS = 30_000;

/** No NUL: the receiver refuses such an id, and libsql cuts texts off there. */
const ODD = {
  'a quote': "it's",
  'double quotes': '"quoted"',
  'an injection': "1'; DROP TABLE novita_entries; --",
  'a parameter': ':taskId ?1 @a $b',
  'an emoji': '🙈👩‍👩‍👧',
  'a combining accent': 'e\u0301',
  'the same, composed': '\u00e9',
  'just a': 'a',
  'a line break': 'a\nb',
  'a byte order mark': '\ufeffa',
  'blanks around it': ' a ',
  'a percent sign': '%_*',
  'what looks like a number': '1e3',
  'what looks like a blob': "x'00'",
  '1,000 characters': 'x'.repeat(1000),
  '1,000 emojis': '🙈'.repeat(1000),
  'nothing': '',
} as const; // prettier-ignore

describe.each(presentDrivers.map((driver) => [driver.name, driver] as const))(
  'whatever an entry holds, on %s',
  (_, driver) => {
    const open = (path = quickTemporaryFile()) =>
      driver.use(() => sqliteInbox({ path, driver: driver.name }));

    test('odd ids and endpoints are kept apart, found, listed and claimed as they are', async () => {
      const inbox = open();
      const texts = Object.values(ODD);
      for (const text of texts) {
        expect(await inbox.add(createTestEntry('novita', text))).toBe('added');
        expect(await inbox.add(createTestEntry(text, 'same'))).toBe('added');
        expect(await inbox.add(createTestEntry('novita', text)), 'known by now').toBe('duplicate');
      }
      for (const text of texts) {
        expect((await inbox.get({ endpoint: 'novita', taskId: text }))?.taskId).toBe(text);
        expect((await inbox.get({ endpoint: text, taskId: 'same' }))?.endpoint).toBe(text);
        const listed = await inbox.list({ endpoint: text });
        expect(listed.entries.map(({ endpoint }) => endpoint)).toEqual([text]);
      }
      const { entries } = await inbox.list({ endpoint: 'novita', limit: 1000 });
      expect(entries.map(({ taskId }) => taskId)).toEqual(texts.toReversed());
      expect((await inbox.stats()).pending).toBe(2 * texts.length);
      for (const text of texts) {
        expect(await inbox.discard({ endpoint: 'novita', taskId: text })).toBe(true);
      }
      expect((await inbox.stats()).pending).toBe(texts.length);
      await inbox.close();
    });

    test('odd names of handlers and reasons come back', async () => {
      const path = quickTemporaryFile();
      const { store, close } = openStore(path);
      const names = Object.values(ODD);
      await store.add(createTestEntry('novita', 'odd'));
      for (const reason of names) {
        const [claim] = await store.claim('novita', 1, LEASE_MS);
        if (claim === undefined) throw new Error('there is nothing to claim');
        await store.settle(claim, {
          type: 'retry',
          delayMs: 0,
          reason,
          succeededHandlers: [reason],
        });
        expect((await store.get(claim))?.reason).toBe(reason);
      }
      const found = await store.get({ endpoint: 'novita', taskId: 'odd' });
      expect(new Set(found?.succeededHandlers)).toEqual(new Set(names));
      await close();
    });

    test.each<[string, JsonObject]>([
      ['nothing', {}],
      ['numbers', { big: 1e300, small: 5e-324, safe: Number.MAX_SAFE_INTEGER, half: 0.1 + 0.2 }],
      ['odd texts', Object.fromEntries(Object.values(ODD).map((text) => [text, text]))],
      ['nested', { list: [null, true, [], {}, [[['deep']]]], lone: '\ud800' }],
      [
        'keys that objects have',
        JSON.parse('{"constructor":1,"toString":2,"length":3}') as JsonObject,
      ],
    ])('metadata with %s comes back', async (_, metadata) => {
      const path = quickTemporaryFile();
      const inbox = open(path);
      await inbox.add({ ...createTestEntry('novita', '1'), metadata });
      await inbox.close();
      const again = open(path);
      const found = await again.get({ endpoint: 'novita', taskId: '1' });
      expect(found?.metadata).toEqual(metadata);
      expect(Object.keys(found?.metadata ?? {})).toEqual(Object.keys(metadata));
      await again.close();
    });

    test('a body of 20 MB comes back', async () => {
      const inbox = open();
      const body = JSON.stringify({ text: '任务🙈\u2028'.repeat(1_800_000) });
      expect(Buffer.byteLength(body)).toBeGreaterThan(20_000_000);
      await inbox.add({ ...createTestEntry('novita', 'big'), body });
      const found = await inbox.get({ endpoint: 'novita', taskId: 'big' });
      expect(found?.body === body).toBe(true); // `toBe` would print it
      await inbox.close();
    }, 30_000);

    function openStore(path: string) {
      const database: SqliteDatabase = driver.open(path);
      const store = sqliteStore({ database });
      return {
        store,
        async close() {
          await store.close();
          database.close();
        },
      };
    }
  },
);

describe('what operators do reaches a running receiver', () => {
  const [driver] = presentDrivers;
  const sample = sampleEvents.imageSucceeded();
  const key = { endpoint: 'novita', taskId: '11111111-2222-4333-8444-000000000001' };

  function start() {
    if (driver === undefined) throw new Error('there is no driver');
    const inbox = driver.use(() =>
      sqliteInbox({ path: quickTemporaryFile(), driver: driver.name }),
    );
    const receiver = createReceiver({ insecure: true, inbox });
    const send = () => receiver.handle(delivery('https://hooks.example.com/novita', sample));
    const stateOf = async () => (await receiver.inbox.get(key))?.state;
    return { receiver, send, stateOf };
  }

  test('replay of a done entry runs all handlers again, in the same receiver', async () => {
    const { receiver, send, stateOf } = start();
    const [first, second] = [vi.fn(), vi.fn()];
    receiver.onTaskSucceeded(first);
    receiver.onTaskSucceeded(second);
    receiver.start();
    expect((await send()).status).toBe(200);
    await vi.waitFor(async () => expect(await stateOf()).toBe('done'));
    expect((await send()).status).toBe(200);
    expect(await receiver.inbox.replay(key)).toBe(true);
    await vi.waitFor(() => expect(first).toHaveBeenCalledTimes(2));
    await vi.waitFor(async () => expect(await stateOf()).toBe('done'));
    expect(second).toHaveBeenCalledTimes(2);
    expect((await receiver.inbox.get(key))?.attempts).toBe(1);
    await receiver.close();
  });

  test('after discard the same task is handled once more', async () => {
    const { receiver, send, stateOf } = start();
    const handler = vi.fn();
    receiver.onTaskSucceeded(handler);
    receiver.start();
    await send();
    await vi.waitFor(async () => expect(await stateOf()).toBe('done'));
    expect(await receiver.inbox.discard(key)).toBe(true);
    expect(await stateOf()).toBeUndefined();
    await send();
    await vi.waitFor(() => expect(handler).toHaveBeenCalledTimes(2));
    await receiver.close();
  });
});
