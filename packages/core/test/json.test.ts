import { sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { codeOf, request, setUp } from './helpers.ts';

const good = JSON.stringify(sampleEvents.imageSucceeded());
const MiB = 1024 * 1024;

async function answer(body: string | Uint8Array | { parsed: unknown }) {
  const { receiver } = setUp();
  const reply = await receiver.handle(await request(receiver, { body }));
  return [reply.status, codeOf(reply)];
}

/** The sample with another member in front. As text, since no object has a key twice. */
const withMember = (member: string) => `{${member},${good.slice(1)}`;
/** The same inside `payload.extra`. */
const inside = (member: string) => good.replace('"extra":{', `"extra":{${member},`);

describe('parseJson: text that is not UTF-8', () => {
  test.each([
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a cut character', [0xf0, 0x9f, 0x98]],
    ['Latin-1', [0xfc]],
  ])('%s is rejected with 400', async (_, bytes) => {
    const [before = '', after = ''] = good.split('TXT_TO_IMG');
    const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
    expect(await answer(body)).toEqual([400, 'invalid_json']);
  });

  test('UTF-16 is rejected with 400', async () => {
    expect(await answer(Buffer.from(`\uFEFF${good}`, 'utf16le'))).toEqual([400, 'invalid_json']);
  });

  test('one byte order mark is skipped, a second one is rejected', async () => {
    expect(await answer(`\uFEFF${good}`)).toEqual([200, 'accepted']);
    expect(await answer(`\uFEFF\uFEFF${good}`)).toEqual([400, 'invalid_json']);
    expect(await answer(Buffer.from(`\uFEFF\uFEFF${good}`))).toEqual([400, 'invalid_json']);
  });
});

describe('parseJson: prototype pollution', () => {
  const poisons = [
    '"__proto__":{"isAdmin":true}',
    '"__proto__":1',
    '"__proto__":null',
    '"\\u005f_proto__":{"isAdmin":true}',
    '"\\u005F\\u005Fproto\\u005f\\u005f":{}',
    '"constructor":{"prototype":{"isAdmin":true}}',
    '"constructor":{"proto\\u0074ype":null}',
    '"a":{"b":[[{"__proto__":{}}]]}',
    '"a":[{"constructor":{"prototype":1,"name":"x"}}]',
  ];

  test.each(poisons)('%s is rejected with 400 at every level', async (member) => {
    expect(await answer(withMember(member))).toEqual([400, 'invalid_json']);
    expect(await answer(inside(member))).toEqual([400, 'invalid_json']);
  });

  test.each(poisons)(
    '%s is rejected with 400 in a value that a parser returned',
    async (member) => {
      const parsed: unknown = JSON.parse(inside(member));
      expect(await answer({ parsed })).toEqual([400, 'invalid_json']);
    },
  );

  test.each([
    '"constructor":"Ferdinand"',
    '"constructor":{"name":"x"}',
    '"constructor":null',
    '"prototype":{"a":1}',
    '"proto":1',
    '"note":"__proto__"',
  ])('%s is accepted', async (member) => {
    expect(await answer(inside(member))).toEqual([200, 'accepted']);
  });

  test('Object.prototype is unchanged', () => {
    expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
  });
});

describe('parseJson: nesting', () => {
  test.each([
    ['1 MiB of [', '['.repeat(MiB)],
    ['512 KiB of [ closed again', `${'['.repeat(MiB / 2)}${']'.repeat(MiB / 2)}`],
    ['a member 100,000 levels deep', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['objects 100,000 levels deep', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['1 MiB of "', '"'.repeat(MiB)],
  ])('%s is rejected with 400 within a second', async (_, body) => {
    const startedAt = performance.now();
    expect(await answer(body)).toEqual([400, 'invalid_json']);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  test('50 levels are accepted, a cyclic value is rejected', async () => {
    const deep = `"deep":${'['.repeat(50)}${']'.repeat(50)}`;
    expect(await answer(inside(deep))).toEqual([200, 'accepted']);
    const loop: Record<string, unknown> = { ...sampleEvents.imageSucceeded() };
    loop['self'] = loop;
    expect(await answer({ parsed: loop })).toEqual([400, 'invalid_json']);
  });

  test('a megabyte of small objects is accepted within 2 seconds', async () => {
    const many = `"many":[${'{},'.repeat(300_000)}{}]`;
    const startedAt = performance.now();
    expect(await answer(inside(many))).toEqual([200, 'accepted']);
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });
});

describe('parseJson: value that a parser returned', () => {
  test.each([[undefined], [null], [42], ['{"event_type":"x"}'], [[]], [true]])(
    '%j is rejected with 400',
    async (parsed) => {
      expect(await answer({ parsed })).toEqual([400, 'invalid_json']);
    },
  );
});

test('parseJson: uses the last of two equal keys', async () => {
  expect(await answer(withMember('"event_type":"OTHER"'))).toEqual([200, 'accepted']);
});
