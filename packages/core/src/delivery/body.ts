import type { Clock } from '../shared/clock.ts';
import { concatenateBytes } from '../shared/concatenate-bytes.ts';
import { isBytes } from '../shared/copy-json.ts';
import { WebhookError } from '../shared/errors.ts';
import { isObject, type Body } from '../shared/json.ts';
import type { HeldBytes } from './body-memory.ts';
import { bodyOf, headerOf, type PushedBody, type RequestParts } from './request.ts';

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
  const body: unknown = bodyOf(request);
  if (body === undefined) {
    throw new WebhookError(
      'body_already_read',
      'another middleware consumed the request body and kept nothing. Mount the webhook middleware before it.',
    );
  }
  const declared = Number(headerOf(request, 'content-length'));
  if (declared > limits.maxBodyBytes) throw tooLarge(limits);
  if (typeof body === 'string' || isBytes(body)) {
    const bytes = byteLength(body);
    if (bytes > limits.maxBodyBytes) throw tooLarge(limits);
    held.add(bytes);
    return body;
  }
  const stream = toStream(body);
  if (stream === undefined) {
    held.add(declared > 0 ? declared : 0); // the parser's text is unknown
    return isObject(body) && 'parsed' in body ? { parsed: body['parsed'] } : { parsed: body };
  }
  rejectEncodings(request);
  return readStream(stream, limits, held, clock);
}

function toStream(body: unknown): PushedBody | undefined {
  if (typeof body !== 'object') return undefined;
  if (isPushed(body)) return body;
  return isStream(body) ? toPushed(body) : undefined;
}

function readStream(
  stream: PushedBody,
  limits: BodyLimits,
  held: HeldBytes,
  clock: Clock,
): Promise<Uint8Array> {
  const { maxBodyBytes, bodyTimeoutMs } = limits;
  const chunks: Uint8Array[] = [];
  let size = 0;
  let isOver = false;
  let hasFailed = false;
  let stop: (() => void) | undefined;

  return new Promise((resolve, reject) => {
    const cancel = clock.after(bodyTimeoutMs, () =>
      fail(new WebhookError('body_too_slow', `the body took over ${bodyTimeoutMs} ms`)),
    );

    function finish(): boolean {
      if (isOver) return false;
      isOver = true;
      cancel();
      held.onEvict(undefined);
      return true;
    }

    function fail(error: unknown): void {
      if (!finish()) return;
      hasFailed = true;
      stop?.();
      const incomplete = () =>
        new WebhookError('body_incomplete', 'the body ended early', { cause: error });
      reject(error instanceof WebhookError ? error : incomplete());
    }

    function add(chunk: Uint8Array | string): void {
      if (isOver) return;
      const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
      size += bytes.byteLength;
      if (size > maxBodyBytes) throw tooLarge(limits);
      held.add(bytes.byteLength);
      chunks.push(bytes);
    }

    function chunk(received: Uint8Array | string): void {
      try {
        add(received);
      } catch (error) {
        fail(error);
      }
    }

    held.onEvict(fail);
    try {
      stop = stream.pushTo({
        chunk,
        fail,
        end: () => finish() && resolve(concatenateBytes(chunks, size)),
      });
      if (hasFailed) stop(); // by a chunk that came at once
    } catch (error) {
      fail(error);
    }
  });
}

/** Pulls chunks until the sink has enough. */
function toPushed(stream: AsyncIterable<Uint8Array | string>): PushedBody {
  return {
    pushTo(sink) {
      const reader = stream[Symbol.asyncIterator]();
      let isStopped = false;
      const hasStopped = () => isStopped; // TypeScript assumes that it does not change meanwhile
      async function pull(): Promise<void> {
        while (!hasStopped()) {
          const next = await reader.next();
          if (hasStopped()) return;
          if (next.done === true) return sink.end();
          sink.chunk(next.value);
        }
      }
      pull().catch(sink.fail);
      return () => {
        isStopped = true;
        // Not awaited: return() of a reader that hangs in next() does not resolve before next().
        void reader.return?.().catch(() => undefined);
      };
    },
  };
}

function isStream(body: object | null): body is AsyncIterable<Uint8Array | string> {
  return body !== null && Symbol.asyncIterator in body;
}

function isPushed(body: object | null): body is PushedBody {
  return body !== null && 'pushTo' in body && typeof body.pushTo === 'function';
}

/**
 * Content types that may hold JSON. Novita documents none for its deliveries. Tools that post JSON
 * without a type send one of the last three: `fetch` text/plain, `curl -d` a form, proxies a stream.
 */
const ACCEPTED_TYPES =
  /^(application\/(json|[\w.+-]+\+json|octet-stream|x-www-form-urlencoded)|text\/(json|plain))$/;

function rejectOtherTypes(request: RequestParts): void {
  const [type = ''] = (headerOf(request, 'content-type') ?? '').split(';');
  const name = type.trim().toLowerCase();
  if (name !== '' && !ACCEPTED_TYPES.test(name)) {
    throw new WebhookError('unsupported_media_type', 'the content type is not JSON');
  }
}

function rejectEncodings(request: RequestParts): void {
  const encoding = (headerOf(request, 'content-encoding') ?? 'identity').trim().toLowerCase();
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
