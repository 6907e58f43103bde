// Requests as bytes: a method, a token, headers, a body and its framing, each right or wrong.
import fc, { type Arbitrary } from 'fast-check';
import { gzipSync } from 'node:zlib';

import { bodyText } from './json-grammar.ts';
import { mutations } from './mutations.ts';
import { MARK, PATH } from './shared.ts';

/** What a client sends on one connection. */
export interface Input {
  readonly bytes: Buffer;
  /**
   * `keep`: one request with right framing; the connection may be used again. `end`: the client closes
   * its side after the bytes. `stall`: the client sends no more bytes, and waits.
   */
  readonly after: 'keep' | 'end' | 'stall';
  /** Sent in this many pieces. */
  readonly pieces: number;
  /** The statuses that the reply may have; empty if any. */
  readonly statuses: readonly number[];
  /** The task id of an event that the receiver must keep if it answers 200. */
  readonly taskId: string | null;
}

/** Places in a request for tokens, which are minted when a run starts. */
export const TOKENS = ['valid', 'forged', 'expired', 'other', 'changed'] as const;

interface Target {
  readonly path: string;
  readonly isValid: boolean;
}

const target: Arbitrary<Target> = fc
  .oneof(
    {
      weight: 12,
      arbitrary: fc.constantFrom(
        ...[
          '?token={{valid}}',
          `?a=${MARK}&token={{valid}}`,
          '?token={{valid}}&',
          '?&token={{valid}}',
        ],
        ...[
          '?tok%65n={{valid}}',
          '?a=%zz&token={{valid}}',
          '?token=%6{{valid}}'.replace('%6{{', '{{'),
        ],
      ),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        ...['', '?', '?token', '?token=', `?token=${MARK}`, '?token={{valid}}&token={{valid}}'],
        ...TOKENS.filter((kind) => kind !== 'valid').map((kind) => `?token={{${kind}}}`),
        ...[
          '?token={{valid}}x',
          '?token=%00{{valid}}',
          `?token=${'nwt1.'.repeat(2000)}`,
          '?TOKEN={{valid}}',
        ],
      ),
    },
  )
  .map((query) => ({ path: PATH + query, isValid: isValidQuery(query) }));

function isValidQuery(query: string): boolean {
  const params = new URLSearchParams(query.slice(1).replace(/%zz/, ''));
  return params.getAll('token').join() === '{{valid}}';
}

const method = fc.oneof(
  { weight: 30, arbitrary: fc.constant('POST') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'GET',
      'PUT',
      'HEAD',
      'DELETE',
      'OPTIONS',
      'PATCH',
      'TRACE',
      'PURGE',
      'QUERY',
    ),
  },
);

type Encoding = 'utf8' | 'bom' | 'utf16le' | 'latin1' | 'broken' | 'gzip';

const encoding = fc.oneof<
  [
    { weight: number; arbitrary: Arbitrary<Encoding> },
    { weight: number; arbitrary: Arbitrary<Encoding> },
  ]
>(
  { weight: 16, arbitrary: fc.constant('utf8') },
  { weight: 2, arbitrary: fc.constantFrom('bom', 'utf16le', 'latin1', 'broken', 'gzip') },
);

function encode(text: string, how: Encoding): Buffer {
  if (how === 'gzip') return gzipSync(text);
  if (how === 'bom') return Buffer.from(`\ufeff${text}`);
  if (how === 'broken') return Buffer.concat([Buffer.from(text), Buffer.of(0xc3, 0x28)]);
  return Buffer.from(text, how);
}

const TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  '',
  'APPLICATION/JSON',
];
const OTHER_TYPES = [
  'text/html',
  'multipart/form-data; boundary=x',
  MARK,
  'application/json, text/html',
  '\u00ff',
];
const type = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom(...TYPES) },
  { weight: 1, arbitrary: fc.constantFrom(...OTHER_TYPES) },
);

/** Headers beside those of the body. */
const SURE_HEADERS = [
  ...[`x-mark: ${MARK}`, `cookie: a=${MARK}`, `authorization: Bearer ${MARK}`, 'te: trailers'],
  ...['traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', 'trailer: x'],
  ...[`traceparent: ${MARK}`, `x-forwarded-for: ${MARK}`, 'connection: close'],
  ...['content-encoding: identity', 'expect: 100-continue'],
];
/** With these the reply is not predictable, or the framing is another one. */
const UNSURE_HEADERS = [
  ...['content-encoding: gzip', `expect: ${MARK}`, 'upgrade: websocket', 'host: second'],
  ...[
    `x-long: ${'y'.repeat(17_000)}`,
    'content-length: 5',
    'transfer-encoding: gzip',
    'x-\u0000: 1',
  ],
];
const headers = fc.oneof(
  { weight: 15, arbitrary: fc.uniqueArray(fc.constantFrom(...SURE_HEADERS), { maxLength: 2 }) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...UNSURE_HEADERS)) },
);

const framing = fc.constantFrom('length', 'length', 'length', 'chunked', 'small chunks');

function frame(body: Buffer, how: string): { readonly header: string; readonly bytes: Buffer } {
  if (how === 'length') return { header: `content-length: ${body.length}`, bytes: body };
  const size = how === 'chunked' ? Math.max(1, body.length) : 97;
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.subarray(at, at + size);
    chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return {
    header: 'transfer-encoding: chunked',
    bytes: Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]),
  };
}

const parts = fc.record({
  method,
  target,
  body: bodyText,
  encoding,
  type,
  framing,
  headers,
  pieces: fc.constantFrom(1, 1, 1, 2, 5),
});

type Parts = typeof parts extends Arbitrary<infer Value> ? Value : never;

function toRequest(one: Parts): Input {
  const body = encode(one.body, one.encoding);
  const { header, bytes } = frame(body, one.framing);
  const lines = [
    `${one.method} ${one.target.path} HTTP/1.1`,
    'host: 127.0.0.1',
    ...(one.type === '' ? [] : [`content-type: ${one.type}`]),
    header,
    ...one.headers,
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const isSure = !one.headers.some((line) => UNSURE_HEADERS.includes(line));
  return {
    bytes: Buffer.concat([head, bytes]),
    after: isSure ? 'keep' : 'end',
    pieces: one.pieces,
    statuses: isSure ? statusesOf(one, body) : [],
    taskId: isSure && one.encoding === 'utf8' ? taskIdOf(one.body) : null,
  };
}

/** Fastify has no routes for them. */
const UNUSUAL = /^(TRACE|PURGE|QUERY)$/;

/** 503: a test server's inbox fails now and then, and few bodies fit into its memory. */
function statusesOf(one: Parts, sent: Buffer): number[] {
  const {
    method: verb,
    target: { isValid },
    body,
    encoding: how,
    type: sentType,
  } = one;
  if (verb !== 'POST') return UNUSUAL.test(verb) ? [404, 405] : [405];
  if (!isValid) return [401];
  if (OTHER_TYPES.includes(sentType)) return [415];
  if (sent.length > 65_536) return [413, 503];
  if (how !== 'utf8' || taskIdOf(body) === null) return [200, 400, 422, 503];
  return [200, 503];
}

/** The id of a task as the receiver must read it; `null` if the body is not a usable result. */
function taskIdOf(body: string): string | null {
  try {
    if (/__proto__|constructor/.test(body)) return null;
    const { event_type: type_, payload } = JSON.parse(body) as Record<string, unknown>;
    const task = (payload as { task?: { task_id?: unknown; status?: unknown } } | null)?.task;
    if (type_ !== 'ASYNC_TASK_RESULT' || /QUEUED|PROCESSING/.test(String(task?.status)))
      return null;
    const id = task?.task_id;
    if (Number.isSafeInteger(id)) return String(id);
    return typeof id === 'string' && /^[\w-]{1,256}$/.test(id) ? id : null;
  } catch {
    return null;
  }
}

const whole: Arbitrary<Input> = parts.map(toRequest);

/** The head and a share of the body. Slow heads are a matter of the server, not of an adapter. */
function cutBody(bytes: Buffer, share: number): Buffer {
  const start = bytes.indexOf('\r\n\r\n') + 4;
  return bytes.subarray(0, start + Math.floor((bytes.length - start) * share));
}

/** The first part of a request, and then silence. */
const stalled: Arbitrary<Input> = fc
  .tuple(whole, fc.double({ min: 0, max: 0.99, noNaN: true }))
  .map(([input, share]) => ({
    ...input,
    bytes: cutBody(input.bytes, share),
    after: 'stall',
    statuses: [],
    taskId: null,
  }));

/** A request over the limits, or one that fills the memory for bodies for a while. */
const large: Arbitrary<Input> = fc
  .tuple(fc.constantFrom(50_000, 60_000, 65_536, 65_537, 300_000), fc.boolean(), fc.boolean())
  .map(([size, isChunked, isCut]) => {
    const { header, bytes } = frame(Buffer.alloc(size, ' '), isChunked ? 'chunked' : 'length');
    const head = `POST ${PATH}?token={{valid}} HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n`;
    const all = Buffer.concat([Buffer.from(head), bytes]);
    return {
      bytes: isCut ? all.subarray(0, -1000) : all,
      after: isCut ? 'stall' : 'keep',
      pieces: 1,
      statuses: isCut ? [] : [400, 413, 503],
      taskId: null,
    };
  });

/**
 * Inputs of a run.
 *
 * @param seeds inputs of earlier runs that gave a new reply; they are mutated as well
 * @param fill puts tokens into their places: mutations shall change tokens, too
 */
export function inputs(
  seeds: readonly Buffer[],
  fill: (bytes: Buffer) => Buffer,
): Arbitrary<Input> {
  const base =
    seeds.length === 0
      ? whole.map(({ bytes }) => bytes)
      : fc.oneof(
          whole.map(({ bytes }) => bytes),
          fc.constantFrom(...seeds),
        );
  const mutated: Arbitrary<Input> = fc
    .tuple(base, mutations, fc.constantFrom(1, 1, 1, 3))
    .map(([bytes, mutate, pieces]) => ({
      bytes: mutate(fill(bytes)),
      after: 'end',
      pieces,
      statuses: [],
      taskId: null,
    }));
  return fc.oneof(
    { weight: 200, arbitrary: whole.map((input) => ({ ...input, bytes: fill(input.bytes) })) },
    { weight: 180, arbitrary: mutated },
    { weight: 2, arbitrary: stalled.map((input) => ({ ...input, bytes: fill(input.bytes) })) },
    { weight: 4, arbitrary: large.map((input) => ({ ...input, bytes: fill(input.bytes) })) },
  );
}
