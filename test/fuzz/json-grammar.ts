// Texts that are JSON, almost JSON, or not JSON, and events made of them.
import fc, { type Arbitrary } from 'fast-check';

import { MARK } from './shared.ts';

/** Values that parsers, databases and redaction treat in a special way. */
const ODD_LEAVES = [
  ...['0', '-0', '1e400', '-1E+9999', '1.5', '9007199254740993', '1e-7', 'true', 'false', 'null'],
  ...['"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\\u202e"', '{}', '[]', '""'],
  ...['"nwt1.abcdefgh.e30.c2ln"', '"https://h.example/?token=nwt1.abcdefgh.e30.c2ln&a=1"'],
  ...['"https://r.example/f.png?X-Amz-Date=20260301T101500Z&X-Amz-Expires=3600"', `"${MARK}"`],
];
/** What some writers of JSON send, and is none. */
const NO_JSON = [
  ...['01', '0x1', '+1', '.5', 'NaN', 'Infinity', 'undefined', 'None', "'text'", '', '-', '/**/'],
  ...['"\\x41"', '"\t"', '"open', ',', '1,', '\ufeff'],
];

/** Names that events have, and names that objects of JavaScript have. */
const NAMES = [
  ...['event_type', 'payload', 'task', 'task_id', 'status', 'extra', 'webhook', 'url', 'images'],
  ...['__proto__', 'constructor', 'prototype', 'toJSON', 'hasOwnProperty', 'length', '', '0', MARK],
];

const name = fc.oneof(fc.constantFrom(...NAMES), fc.string({ maxLength: 12 }));
const text = fc.string({ unit: 'binary', maxLength: 40 }).map((value) => JSON.stringify(value));

const { json } = fc.letrec<{ json: string; list: string; object: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'json' },
    fc.oneof(
      { weight: 30, arbitrary: fc.constantFrom(...ODD_LEAVES) },
      { weight: 20, arbitrary: text },
      { weight: 1, arbitrary: fc.constantFrom(...NO_JSON) },
    ),
    tie('list'),
    tie('object'),
  ),
  list: fc
    .array(tie('json'), { maxLength: 4, depthIdentifier: 'json' })
    .map((items) => `[${items.join()}]`),
  object: fc
    .array(fc.tuple(name, tie('json')), { maxLength: 4, depthIdentifier: 'json' })
    .map(toObject),
}));

function toObject(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join()}}`;
}

/** An object whose known members are mostly right; each may be odd, absent or there twice. */
function objectOf(members: Readonly<Record<string, Arbitrary<string>>>): Arbitrary<string> {
  const known = Object.entries(members).map(([key, value]) =>
    fc.oneof(
      { weight: 14, arbitrary: value.map((one): [string, string][] => [[key, one]]) },
      { weight: 1, arbitrary: json.map((odd): [string, string][] => [[key, odd]]) },
      { weight: 1, arbitrary: fc.constant<[string, string][]>([]) },
      {
        weight: 1,
        arbitrary: fc.tuple(json, value).map(([odd, one]): [string, string][] => [
          [key, odd],
          [key, one],
        ]),
      },
    ),
  );
  const extra = fc.array(fc.tuple(name, json), { maxLength: 2 });
  return fc
    .tuple(fc.tuple(...known), extra)
    .map(([pairs, more]) => toObject([...pairs.flat(), ...more]));
}

const quoted = (...values: string[]) => fc.constantFrom(...values.map((it) => JSON.stringify(it)));
const statuses = ['SUCCEED', 'FAILED', 'QUEUED', 'PROCESSING', 'SUBLIMATED'];
const media = fc
  .array(
    objectOf({
      image_url: quoted('https://r.example/f.png?X-Amz-Signature=0123', MARK),
      image_url_ttl: fc.constantFrom('"3600"', '0', '"0"', '-1', '1e9'),
      image_type: quoted('png', 'webp'),
    }),
    { maxLength: 3 },
  )
  .map((items) => `[${items.join()}]`);

/** @param taskId JSON text */
const eventWith = (taskId: Arbitrary<string>): Arbitrary<string> =>
  objectOf({
    event_type: quoted('ASYNC_TASK_RESULT', 'ASYNC_TASK_RESULT', 'SOME_FUTURE_EVENT'),
    payload: objectOf({
      task: objectOf({
        task_id: taskId,
        status: quoted(...statuses.map((status) => `TASK_STATUS_${status}`)),
        task_type: quoted('TXT_TO_IMG', 'TXT_TO_VIDEO', MARK),
        reason: quoted('', MARK),
        progress_percent: fc.constantFrom('0', '100', '-5', '"50"'),
      }),
      extra: objectOf({
        seed: quoted('1', MARK),
        webhook: objectOf({ url: quoted(`https://h.example/?token=nwt1.abcdefgh.e30.c2ln`) }),
      }),
      images: media,
    }),
  });

const usedId = fc
  .nat(1e9)
  .chain((id) => fc.constantFrom(`"fuzz-${id}"`, `"fuzz-${id}"`, `${id}`, `"fuzz-${id % 20}"`));

/** Deep, wide and long values. Under 100 KB each. */
const bombs: Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(
      ...['[', '{"a":', '[[],', '{"event_type":"ASYNC_TASK_RESULT","payload":{"task":'],
      ...['{"__proto__":', '{"constructor":{"prototype":'],
    ),
    fc.constantFrom(1, 62, 63, 64, 65, 1000, 9000),
  )
  .map(([unit, count]) => unit.repeat(Math.min(count, Math.floor(90_000 / unit.length))));
const wide: Arbitrary<string> = fc.constantFrom(1, 100, 5000).map((count) => {
  const members = Array.from({ length: count }, (_, index) => `"k${index.toString(36)}":${index}`);
  return `{"event_type":"ASYNC_TASK_RESULT","payload":{"task":{"task_id":"wide-${count}","status":"TASK_STATUS_FAILED"},${members.join()}}}`;
});

/** The text of a body: mostly an event. */
export const bodyText: Arbitrary<string> = fc.oneof(
  { weight: 16, arbitrary: eventWith(usedId) },
  { weight: 3, arbitrary: eventWith(json) },
  { weight: 2, arbitrary: json },
  { weight: 1, arbitrary: bombs },
  { weight: 1, arbitrary: wide },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 100 }) },
);
