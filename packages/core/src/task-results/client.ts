import * as z from 'zod';

import { isTaskId } from '../events/envelope.ts';
import { parseTaskResult } from '../events/task-result-schema.ts';
import type { TaskResult } from '../events/task-result.ts';
import { sleep, unlessAborted } from '../shared/abortable.ts';
import {
  abortSignal,
  parseArgument,
  requireOptions,
  strictOptions,
  validate,
} from '../shared/check-options.ts';
import { WebhookError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/json.ts';
import { redactPayload } from '../shared/redact.ts';
import { createSemaphore } from '../shared/semaphore.ts';
import { noResult } from './api-failure.ts';
import { resolveClientOptions, type TaskResultClientOptions } from './client-options.ts';
import { createPace } from './pace.ts';
import { requestResult, type ApiAnswer } from './request-result.ts';

/** How a client asks for one result. */
export interface TaskResultRequest {
  /** Ends the request, its retries and its wait for a turn. The promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks Novita's Task Result API (https://novita.ai/docs/api-reference/model-apis-task-result). All
 * requests of one client share its limits of concurrency and rate.
 */
export interface TaskResultClient {
  /**
   * The result of a task, through the same schema as events, without tokens of callback URLs. Also the
   * result of a task that still runs: see `task.status`.
   *
   * @throws WebhookError `task_not_found`, `api_key_rejected`, `api_rate_limited`, `api_unavailable`,
   * `invalid_result`, `invalid_argument`
   * @throws the reason of `signal`
   * @example
   * const { task, images } = await client.get(taskId);
   */
  get(taskId: string, options?: TaskResultRequest): Promise<TaskResult>;
  /**
   * The payload as the API sent it, parsed JSON. It is checked for nothing but being an object whose
   * `task.task_id` is the one asked for. Otherwise like `get`.
   */
  getPayload(taskId: string, options?: TaskResultRequest): Promise<JsonObject>;
}

/**
 * Creates a client of Novita's Task Result API, on the runtime's `fetch`. It follows no redirects, and
 * asks only `baseUrl`. The API key is in none of its errors.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * const taskResults = createTaskResultClient({ apiKey: process.env.NOVITA_API_KEY });
 * const receiver = createReceiver({ url, secret, taskResults, confirm: true });
 */
export function createTaskResultClient(options: TaskResultClientOptions): TaskResultClient {
  requireOptions('createTaskResultClient', options, 'createTaskResultClient({ apiKey })');
  const resolved = resolveClientOptions(options);
  const { retry, clock } = resolved;
  const semaphore = createSemaphore(resolved.concurrency);
  const pace = createPace(resolved.requestsPerSecond, clock);

  async function requestInTurn(
    taskId: string,
    signal: AbortSignal | undefined,
  ): Promise<ApiAnswer> {
    const permit = semaphore.acquire();
    try {
      await unlessAborted(permit.taken, signal);
      await pace.turn(signal);
      return await requestResult(taskId, signal, resolved);
    } finally {
      permit.release();
    }
  }

  const client: TaskResultClient = {
    async get(taskId, request) {
      const payload = await client.getPayload(taskId, request);
      const { result, schemaError } = parseTaskResult(redactPayload(payload).value, clock.now());
      if (result === null) throw noResult(schemaError).error;
      return result;
    },
    async getPayload(taskId, request = {}) {
      checkTaskId(taskId);
      const { signal } = parseArgument('task-results', requestSchema, request);
      for (let attempt = 1; ; attempt += 1) {
        const answer = await requestInTurn(taskId, signal);
        if ('payload' in answer) return answer.payload;
        const { error, isRetryable, retryAfterMs } = answer;
        if (retryAfterMs !== null) pace.pause(retryAfterMs); // for all that the client is asked
        if (!isRetryable || attempt >= retry.maxAttempts) throw error;
        if (retryAfterMs === null) await sleep(toDelay(retry.delay(attempt)), clock, signal);
      }
    },
  };
  return client;
}

const requestSchema = strictOptions({ signal: abortSignal });

/** Before anything is sent: the id may come from a sender. */
function checkTaskId(taskId: unknown): void {
  if (typeof taskId === 'string' && isTaskId(taskId)) return;
  const message =
    'task-results: the task id must be 1 to 256 printable characters. Pass the task_id of the submit call.';
  throw new WebhookError('invalid_argument', message);
}

const delayMs = z.number().min(0);

function toDelay(ms: unknown): number {
  const checked = validate(delayMs, ms);
  if ('value' in checked) return checked.value;
  const message = 'task-results: retry.delay must return milliseconds, 0 or more. Correct it.';
  throw new WebhookError('invalid_option', message);
}
