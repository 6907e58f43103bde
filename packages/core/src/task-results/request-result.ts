import { readPayload } from '../events/envelope.ts';
import { unlessAborted } from '../shared/abortable.ts';
import { LATE } from '../shared/clock.ts';
import { concatenateBytes } from '../shared/concatenate-bytes.ts';
import { parseJson, type JsonObject } from '../shared/json.ts';
import { readOr } from '../shared/read-or.ts';
import { noResult, redirected, toFailure, unanswered, type ApiFailure } from './api-failure.ts';
import type { ResolvedClientOptions } from './client-options.ts';

/** The answer to one request. */
export type ApiAnswer = { readonly payload: JsonObject } | ApiFailure;

type RequestOptions = Pick<
  ResolvedClientOptions,
  'apiKey' | 'baseUrl' | 'timeoutMs' | 'maxBodyBytes' | 'fetch' | 'clock'
>;

/**
 * Sends one request for the result of a task, and reads its answer within the limits.
 *
 * @throws the reason of `signal`
 */
export async function requestResult(
  taskId: string,
  signal: AbortSignal | undefined,
  options: RequestOptions,
): Promise<ApiAnswer> {
  const { timeoutMs, apiKey, clock } = options;
  const controller = new AbortController();
  const cancel = clock.after(timeoutMs, () => controller.abort(LATE));
  const abort = () => controller.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort);
  try {
    // An implementation of `fetch` that ignores its signal must not hold the caller.
    return await unlessAborted(exchange(taskId, controller.signal, options), controller.signal);
  } catch (thrown) {
    signal?.throwIfAborted();
    return controller.signal.reason === LATE
      ? unanswered(`the Task Result API did not answer in ${timeoutMs} ms`, apiKey)
      : unanswered('the request to the Task Result API failed', apiKey, thrown);
  } finally {
    cancel();
    signal?.removeEventListener('abort', abort);
    controller.abort(); // closes the connection if a part of the answer was not read
  }
}

async function exchange(
  taskId: string,
  signal: AbortSignal,
  { apiKey, baseUrl, maxBodyBytes, fetch, clock }: RequestOptions,
): Promise<ApiAnswer> {
  const url = `${baseUrl}/v3/async/task-result?task_id=${encodeURIComponent(taskId)}`;
  const headers = { accept: 'application/json', authorization: `Bearer ${apiKey}` };
  const response = await fetch(url, { headers, redirect: 'manual', signal });
  if (isRedirect(response)) return redirected();
  const { status } = response;
  if (status !== 200) {
    const reason = reasonOf(await readBody(response, maxBodyBytes), apiKey);
    return toFailure(
      {
        host: new URL(baseUrl).host,
        status,
        reason,
        retryAfter: response.headers.get('retry-after'),
      },
      clock.now(),
    );
  }
  const body = await readBody(response, maxBodyBytes);
  if (body === null) return noResult(`the body is over ${maxBodyBytes} bytes`);
  return toPayload(body, taskId);
}

/** Some runtimes hide the status of a redirect. A `fetch` of the caller may have followed it. */
function isRedirect({ status, type, redirected }: Response): boolean {
  return (status >= 300 && status < 400) || type === 'opaqueredirect' || redirected;
}

/** `null`: over the limit. The bytes are counted as they arrive, after decompression. */
async function readBody(response: Response, maxBytes: number): Promise<Uint8Array | null> {
  if (Number(response.headers.get('content-length')) > maxBytes) return null;
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const next = await reader?.read();
    if (next === undefined || next.done) return concatenateBytes(chunks, size);
    size += next.value.byteLength;
    if (size > maxBytes) return null;
    chunks.push(next.value);
  }
}

/** The name of the error in Novita's form. Nothing else of the answer goes into errors. */
function reasonOf(body: Uint8Array | null, apiKey: string): string {
  if (body === null) return '';
  const { reason } = readOr<JsonObject>(() => parseJson(body), {});
  const isName = typeof reason === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(reason);
  return isName && !reason.includes(apiKey) ? reason : '';
}

function toPayload(body: Uint8Array, taskId: string): ApiAnswer {
  const payload = readOr(() => parseJson(body), null);
  if (payload === null) return noResult('the body is not a JSON object');
  const read = readOr(() => readPayload(payload), null);
  if (read === null) return noResult('it has no task.task_id');
  if (read.event.taskId !== taskId) return noResult('it is of another task');
  return { payload };
}
