import { LATE, withDeadline, type Clock } from '../shared/clock.ts';
import { concatenateBytes } from '../shared/concatenate-bytes.ts';
import { isBytes } from '../shared/copy-json.ts';
import { WebhookError } from '../shared/errors.ts';
import { isObject, type Body } from '../shared/json.ts';
import type { HeldBytes } from './body-memory.ts';
import type { RequestParts } from './request.ts';

/** Limits on the size of a body and on the time that it may take. */
export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
}

/**
 * Reads the body within its limits, or takes the value of an earlier parser.
 *
 * @param held counts the bytes of all deliveries
 * @throws WebhookError `unsupported_media_type`, `body_already_read`, `body_too_large`,
 * `body_too_slow`, `body_incomplete`, `overloaded`
 */
export function readBody(
  request: RequestParts,
  limits: BodyLimits,
  held: HeldBytes,
  clock: Clock,
): Body | Promise<Body> {
  rejectOtherTypes(request);
  const body: unknown = request.body();
  if (body === undefined) {
    throw new WebhookError(
      'body_already_read',
      'another middleware consumed the request body and kept nothing. Mount the webhook middleware before it.',
    );
  }
  const declared = Number(request.header('content-length'));
  if (declared > limits.maxBodyBytes) throw tooLarge(limits);
  if (typeof body === 'string' || isBytes(body)) {
    const bytes = byteLength(body);
    if (bytes > limits.maxBodyBytes) throw tooLarge(limits);
    held.add(bytes);
    return body;
  }
  if (!isStream(body)) {
    held.add(declared > 0 ? declared : 0); // the parser's text is unknown
    return isObject(body) && 'parsed' in body ? { parsed: body['parsed'] } : { parsed: body };
  }
  rejectEncodings(request);
  return readStream(body, limits, held, clock);
}

async function readStream(
  stream: AsyncIterable<Uint8Array | string>,
  limits: BodyLimits,
  held: HeldBytes,
  clock: Clock,
): Promise<Uint8Array> {
  let reader: AsyncIterator<Uint8Array | string> | undefined;
  const late = { isLate: false };
  const evicted = new Promise<never>((_, reject) => held.onEvict(reject));
  try {
    reader = stream[Symbol.asyncIterator]();
    const reading = Promise.race([readAll(reader, limits, held, late), evicted]);
    const bytes = await withDeadline(reading, limits.bodyTimeoutMs, clock);
    if (bytes !== LATE) return bytes;
    throw new WebhookError('body_too_slow', `the body took over ${limits.bodyTimeoutMs} ms`);
  } catch (error) {
    late.isLate = true;
    // Not awaited: return() of a reader that hangs in next() does not resolve before next().
    void reader?.return?.().catch(() => undefined);
    if (error instanceof WebhookError) throw error;
    throw new WebhookError('body_incomplete', 'the body ended early', { cause: error });
  } finally {
    held.onEvict(undefined);
  }
}

/** @param late tells when the caller has stopped waiting: nothing more is read then */
async function readAll(
  reader: AsyncIterator<Uint8Array | string>,
  limits: BodyLimits,
  held: Pick<HeldBytes, 'add'>,
  late: { readonly isLate: boolean },
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (!late.isLate) {
    const next = await reader.next();
    if (next.done === true) break;
    const chunk =
      typeof next.value === 'string' ? new TextEncoder().encode(next.value) : next.value;
    size += chunk.byteLength;
    if (size > limits.maxBodyBytes) throw tooLarge(limits);
    held.add(chunk.byteLength);
    chunks.push(chunk);
  }
  return concatenateBytes(chunks, size);
}

function isStream(body: unknown): body is AsyncIterable<Uint8Array | string> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

/**
 * Content types that may hold JSON. Novita documents none for its deliveries. Tools that post JSON
 * without a type send one of the last three: `fetch` text/plain, `curl -d` a form, proxies a stream.
 */
const ACCEPTED_TYPES =
  /^(application\/(json|[\w.+-]+\+json|octet-stream|x-www-form-urlencoded)|text\/(json|plain))$/;

function rejectOtherTypes(request: RequestParts): void {
  const [type = ''] = (request.header('content-type') ?? '').split(';');
  const name = type.trim().toLowerCase();
  if (name !== '' && !ACCEPTED_TYPES.test(name)) {
    throw new WebhookError('unsupported_media_type', 'the content type is not JSON');
  }
}

function rejectEncodings(request: RequestParts): void {
  const encoding = (request.header('content-encoding') ?? 'identity').trim().toLowerCase();
  if (encoding !== 'identity' && encoding !== '') {
    throw new WebhookError('unsupported_media_type', 'the body has a content encoding');
  }
}

function byteLength(body: Uint8Array | string): number {
  return typeof body === 'string' ? new TextEncoder().encode(body).byteLength : body.byteLength;
}

function tooLarge(limits: BodyLimits): WebhookError {
  return new WebhookError('body_too_large', `the body is over ${limits.maxBodyBytes} bytes`);
}
