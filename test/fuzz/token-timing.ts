// Compares how long a receiver takes to refuse tokens that are wrong in different ways.
//   npx tsx test/fuzz/token-timing.ts
// A pair whose difference depends on the secret must not differ: ratios near 1, and a share of slower samples
// (the chance that a sample of the second kind is slower than one of the first) near 0.5. Prints no verdict:
// another load on the machine changes the figures.
import { createReceiver } from '@novita-webhooks/core';
import { TEST_SECRET } from '@novita-webhooks/testing';
import Table from 'cli-table3';

import { createRandom } from '../support/random.ts';

const ROUNDS = 20_000;
const url = 'https://hooks.example.com/novita';
const receiver = createReceiver({ url, secret: [TEST_SECRET], logger: false });
const random = createRandom(1);

const good = new URL(await receiver.createCallbackUrl()).searchParams.get('token') ?? '';
const [version = '', keyId = '', claims = '', mac = ''] = good.split('.');
const otherEndpoint = await mint({ endpoint: 'other' });
const expired = await mint({ clock: { now: () => 0, after: () => () => undefined } });

async function mint(options: object): Promise<string> {
  const other = createReceiver({ url, secret: TEST_SECRET, logger: false, ...options });
  return new URL(await other.createCallbackUrl()).searchParams.get('token') ?? '';
}

/** Changes one character of base64url to another. */
function change(text: string, index: number): string {
  return text.slice(0, index) + (text[index] === 'A' ? 'B' : 'A') + text.slice(index + 1);
}

const join = (...parts: readonly string[]) => parts.join('.');
const kinds = {
  'first byte of the MAC wrong': () => join(version, keyId, claims, change(mac, 0)),
  'byte 16 of the MAC wrong': () => join(version, keyId, claims, change(mac, 21)),
  'last byte of the MAC wrong': () => join(version, keyId, claims, change(mac, 41)),
  'every byte of the MAC wrong': () => join(version, keyId, claims, 'A'.repeat(mac.length)),
  'unknown key id': () => join(version, change(keyId, 0), claims, mac),
  'unknown key id, last character': () => join(version, change(keyId, 7), claims, mac),
  'claims changed': () => join(version, keyId, change(claims, 10), mac),
  expired: () => expired,
  'other endpoint': () => otherEndpoint,
  malformed: () => 'not-a-token',
  missing: () => '',
};

const samples = new Map(Object.keys(kinds).map((name) => [name, [] as number[]]));
for (let round = -2000; round < ROUNDS; round += 1) {
  for (const [name, token] of random.shuffled(Object.entries(kinds))) {
    const request = { method: 'POST', url: `${url}?token=${token()}`, headers: {}, body: '' };
    const startedAt = process.hrtime.bigint();
    await receiver.handle(request);
    const ns = Number(process.hrtime.bigint() - startedAt);
    if (round >= 0) samples.get(name)?.push(ns);
  }
}
await receiver.close();

const BASE = 'first byte of the MAC wrong';
const base = sorted(BASE);
const table = new Table({
  head: ['token', 'median ns', 'p10', 'p90', 'ratio of medians', 'slower'],
});
for (const name of Object.keys(kinds)) {
  const list = sorted(name);
  const ratio = at(list, 0.5) / at(base, 0.5);
  const cells = [at(list, 0.5), at(list, 0.1), at(list, 0.9)].map(String);
  table.push([name, ...cells, ratio.toFixed(3), shareSlower(base, list).toFixed(3)]);
}
console.log(`${ROUNDS} refusals of each kind, in random order; compared with: ${BASE}`);
console.log(table.toString());

function sorted(name: string): readonly number[] {
  return (samples.get(name) ?? []).toSorted((one, other) => one - other);
}

function at(list: readonly number[], share: number): number {
  return list[Math.floor(share * (list.length - 1))] ?? 0;
}

/** The probability that a value of `two` is above one of `one` (Mann–Whitney). */
function shareSlower(one: readonly number[], two: readonly number[]): number {
  let below = 0;
  let pairs = 0;
  for (const value of two) {
    while (below < one.length && (one[below] ?? 0) < value) below += 1;
    pairs += below;
  }
  return pairs / (one.length * two.length);
}
