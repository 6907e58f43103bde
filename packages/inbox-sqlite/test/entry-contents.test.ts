import { createReceiver, type JsonObject } from '@novita-webhooks/core';
import { delivery, sampleEvents } from '@novita-webhooks/testing';
import { sqliteInbox, sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';
import { describe, expect, test, vi } from 'vitest';

import { entryOf } from './support/large-inbox.ts';
import { presentDrivers } from './support/drivers.ts';
import { quickTemporaryFile } from './support/temporary-files.ts';

const LEASE_MS = 30_000;

/** Contains no NUL: the receiver rejects such an id, and libsql cuts strings there. */
const UNUSUAL = {
  'a quote': "it's",
  'double quotes': '"quoted"',
  'an injection': "1'; DROP TABLE novita_entries; --",
  'a parameter': ':taskId ?1 @a $b',
  'an emoji': '🙈👩‍👩‍👧',
  'a combining accent': 'e\u0301',
  'the same, composed': '\u00e9',
  'one letter': 'a',
  'a line break': 'a\nb',
  'a byte order mark': '\ufeffa',
  'blanks around it': ' a ',
  'a percent sign': '%_*',
  'what looks like a number': '1e3',
  'what looks like a blob': "x'00'",
  '1,000 characters': 'x'.repeat(1000),
  '1,000 emojis': '🙈'.repeat(1000),
  'an empty string': '',
} as const; // prettier-ignore

describe.each(presentDrivers.map((driver) => [driver.name, driver] as const))(
  'sqliteInbox stores contents unchanged on %s',
  (_, driver) => {
    const open = (path = quickTemporaryFile()) =>
      driver.use(() => sqliteInbox({ path, driver: driver.name }));

    test('unusual task ids and endpoints', async () => {
      const inbox = open();
      const texts = Object.values(UNUSUAL);
      for (const text of texts) {
        expect(await inbox.add(entryOf('novita', text))).toBe('added');
        expect(await inbox.add(entryOf(text, 'same'))).toBe('added');
        expect(await inbox.add(entryOf('novita', text)), 'added before').toBe('duplicate');
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

    test('unusual names of handlers and reasons', async () => {
      const path = quickTemporaryFile();
      const { store, close } = openStore(path);
      const names = Object.values(UNUSUAL);
      await store.add(entryOf('novita', 'odd'));
      for (const reason of names) {
        const [claim] = await store.claim('novita', 1, LEASE_MS);
        if (claim === undefined) throw new Error('no entry was claimed');
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
      ['no keys', {}],
      ['numbers', { big: 1e300, small: 5e-324, safe: Number.MAX_SAFE_INTEGER, half: 0.1 + 0.2 }],
      ['unusual strings', Object.fromEntries(Object.values(UNUSUAL).map((text) => [text, text]))],
      ['nested', { list: [null, true, [], {}, [[['deep']]]], lone: '\ud800' }],
      [
        'names of object properties',
        JSON.parse('{"constructor":1,"toString":2,"length":3}') as JsonObject,
      ],
    ])('metadata with %s', async (_, metadata) => {
      const path = quickTemporaryFile();
      const inbox = open(path);
      await inbox.add({ ...entryOf('novita', '1'), metadata });
      await inbox.close();
      const reopened = open(path);
      const found = await reopened.get({ endpoint: 'novita', taskId: '1' });
      expect(found?.metadata).toEqual(metadata);
      expect(Object.keys(found?.metadata ?? {})).toEqual(Object.keys(metadata));
      await reopened.close();
    });

    test('a body of 20 MB', async () => {
      const inbox = open();
      const body = JSON.stringify({ text: '任务🙈\u2028'.repeat(1_800_000) });
      expect(Buffer.byteLength(body)).toBeGreaterThan(20_000_000);
      await inbox.add({ ...entryOf('novita', 'big'), body });
      const found = await inbox.get({ endpoint: 'novita', taskId: 'big' });
      expect(found?.body === body).toBe(true); // on failure, toBe(body) would print 20 MB
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

describe('receiver.inbox with sqliteInbox', () => {
  const [driver] = presentDrivers;
  const sample = sampleEvents.imageSucceeded();
  const key = { endpoint: 'novita', taskId: '11111111-2222-4333-8444-000000000001' };

  function start() {
    if (driver === undefined) throw new Error('no SQLite library is installed');
    const inbox = driver.use(() =>
      sqliteInbox({ path: quickTemporaryFile(), driver: driver.name }),
    );
    const receiver = createReceiver({ insecure: true, inbox });
    const send = () => receiver.handle(delivery('https://hooks.example.com/novita', sample));
    const stateOf = async () => (await receiver.inbox.get(key))?.state;
    return { receiver, send, stateOf };
  }

  test('replay of a done entry runs all handlers again', async () => {
    const { receiver, send, stateOf } = start();
    const [first, second] = [vi.fn(), vi.fn()];
    receiver.onTaskSucceeded(first);
    receiver.onTaskSucceeded(second);
    receiver.start();
    expect((await send()).status).toBe(200);
    await expect.poll(stateOf).toBe('done');
    expect((await send()).status).toBe(200);
    expect(await receiver.inbox.replay(key)).toBe(true);
    await expect.poll(() => first).toHaveBeenCalledTimes(2);
    await expect.poll(stateOf).toBe('done');
    expect(second).toHaveBeenCalledTimes(2);
    expect((await receiver.inbox.get(key))?.attempts).toBe(1);
    await receiver.close();
  });

  test('a discarded task is handled again when it arrives again', async () => {
    const { receiver, send, stateOf } = start();
    const handler = vi.fn();
    receiver.onTaskSucceeded(handler);
    receiver.start();
    await send();
    await expect.poll(stateOf).toBe('done');
    expect(await receiver.inbox.discard(key)).toBe(true);
    expect(await stateOf()).toBeUndefined();
    await send();
    await expect.poll(() => handler).toHaveBeenCalledTimes(2);
    await receiver.close();
  });
});
