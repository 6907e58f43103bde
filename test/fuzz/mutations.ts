// Changes of single bytes and ranges, as a broken or hostile sender may make them.
import fc, { type Arbitrary } from 'fast-check';

/** Bytes that mean something in HTTP, UTF-8 or JSON. */
const FRAGMENTS = [
  ...['\r\n', '\n', '\r', '\r\n\r\n', '\0', ' ', ':', ',', '"', '\\', '{', '}', '[', ']', '%', '?'],
  ...[
    '\ufeff',
    'Content-Length: 0\r\n',
    'Transfer-Encoding: chunked\r\n',
    '0\r\n\r\n',
    'ffffff\r\n',
  ],
  ...['Expect: 100-continue\r\n', 'Connection: close\r\n', '&token=', '%00', '/../', 'HTTP/1.1'],
  ...['POST / HTTP/1.1\r\n\r\n', '\\ud800', '__proto__', '-', '99999999999'],
].map((text) => Buffer.from(text));
const BYTES = [0x80, 0xc0, 0xed, 0xf5, 0xff, 0xfe].map((byte) => Buffer.of(byte));

type Mutation = (bytes: Buffer) => Buffer;

/** From the beginning (0) to the end (1), each equally likely. */
const place = fc.noBias(fc.nat(9999)).map((at) => at / 10_000);

const mutation: Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, fc.nat(7)).map(([at, bit]): Mutation => (bytes) => {
    const index = Math.floor(at * bytes.length);
    const changed = Buffer.from(bytes);
    changed[index] = (changed[index] ?? 0) ^ (1 << bit);
    return changed;
  }),
  fc.tuple(place, fc.constantFrom(...FRAGMENTS, ...BYTES)).map(
    ([at, fragment]): Mutation =>
      (bytes) =>
        splice(bytes, at, 0, fragment),
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 200 })).map(
    ([at, length]): Mutation =>
      (bytes) =>
        splice(bytes, at, length, Buffer.alloc(0)),
  ),
  fc
    .tuple(place, place, fc.integer({ min: 1, max: 200 }))
    .map(([from, to, length]): Mutation => (bytes) => {
      const start = Math.floor(from * bytes.length);
      return splice(bytes, to, 0, bytes.subarray(start, start + length));
    }),
  place.map(
    (at): Mutation =>
      (bytes) =>
        bytes.subarray(0, Math.ceil(at * bytes.length)),
  ),
  fc.constant<Mutation>((bytes) => Buffer.concat([bytes, bytes])),
);

/** One to six mutations, mostly one. */
export const mutations: Arbitrary<Mutation> = fc
  .oneof(
    { weight: 3, arbitrary: fc.tuple(mutation) },
    { weight: 1, arbitrary: fc.array(mutation, { minLength: 2, maxLength: 6 }) },
  )
  .chain((list) =>
    fc.constantFrom<Mutation>(
      (bytes) => mutate(bytes, list),
      (bytes) => {
        const start = bytes.indexOf('\r\n\r\n') + 4;
        return Buffer.concat([bytes.subarray(0, start), mutate(bytes.subarray(start), list)]);
      },
    ),
  );

const mutate = (bytes: Buffer, list: readonly Mutation[]) =>
  list.reduce((changed, change) => change(changed), bytes);

function splice(bytes: Buffer, at: number, length: number, inserted: Buffer): Buffer {
  const index = Math.floor(at * bytes.length);
  return Buffer.concat([bytes.subarray(0, index), inserted, bytes.subarray(index + length)]);
}
