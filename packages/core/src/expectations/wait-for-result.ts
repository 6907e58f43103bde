import { isProgress, type TaskResult } from '../events/task-result.ts';
import { parseStoredBody } from '../handlers/parse-stored-body.ts';
import { isExpectation } from '../inbox/expectation.ts';
import { fromInbox } from '../inbox/from-inbox.ts';
import { needsConfirmation } from '../inbox/needs-confirmation.ts';
import type { Entry } from '../inbox/ports.ts';
import { sleep } from '../shared/abortable.ts';
import { monotonicMs, type Clock } from '../shared/clock.ts';
import { isWebhookError, WebhookError } from '../shared/errors.ts';
import { askInTime } from '../task-results/ask-in-time.ts';
import type { TaskResultClient } from '../task-results/client.ts';
import { checkResultOptions, checkTaskId } from './expect-options.ts';
import { requireReadableInbox, type ExpectParts } from './expect-task.ts';

const MIN_PAUSE_MS = 20;
const MAX_PAUSE_MS = 1000;

interface ConfirmParts {
  readonly clock: Clock;
  readonly confirm: boolean;
  readonly taskResults: TaskResultClient | null;
}

interface ResultParts extends ExpectParts, ConfirmParts {
  readonly isClosed: () => boolean;
}

/**
 * Looks into the inbox until it has the result. See `receiver.result`.
 *
 * @throws WebhookError `result_timeout`, `task_missing`, `invalid_result`, `closing`, `invalid_argument`,
 * `inbox_unavailable`
 */
export async function waitForResult(
  taskId: string,
  options: object,
  { isClosed, ...parts }: ResultParts,
): Promise<TaskResult> {
  const { inbox, endpoint, clock } = parts;
  const { timeoutMs } = checkResultOptions(options);
  const key = { endpoint, taskId: checkTaskId('result', taskId) };
  requireReadableInbox('result', inbox);
  const deadline = monotonicMs(clock) + timeoutMs;
  for (let pauseMs = MIN_PAUSE_MS; ; pauseMs = Math.min(1.5 * pauseMs, MAX_PAUSE_MS)) {
    if (isClosed()) throw new WebhookError('closing', 'result: the receiver is closed');
    const entry = await fromInbox('result', () => inbox.get(key));
    const leftMs = () => deadline - monotonicMs(clock);
    const result = entry && (await readResult(entry, leftMs(), parts));
    if (result) return result;
    if (leftMs() <= 0) throw timeout(taskId, timeoutMs, entry);
    await sleep(Math.min(pauseMs, Math.max(0, leftMs())), clock, undefined);
  }
}

/** What the API says, as `confirm` gives it to handlers. `null`: it does not answer or the task still runs. */
async function askFor(
  taskId: string,
  leftMs: number,
  { taskResults, clock }: ConfirmParts,
): Promise<TaskResult | null> {
  if (taskResults === null) return null;
  const limits = { clock, maxMs: Math.max(leftMs, 0) };
  try {
    const result = await askInTime((signal) => taskResults.get(taskId, { signal }), limits);
    return isProgress(result.task.status) ? null : result;
  } catch (error) {
    if (!isWebhookError(error, 'task_not_found')) return null;
    throw new WebhookError('task_missing', `result: unconfirmed: ${error.message}`);
  }
}

/** @returns `null` while the result is awaited */
async function readResult(
  entry: Entry,
  leftMs: number,
  parts: ConfirmParts,
): Promise<TaskResult | null> {
  if (isExpectation(entry)) {
    if (entry.state !== 'dead') return null;
    throw new WebhookError('task_missing', `result: ${entry.reason ?? 'the task was given up'}`);
  }
  if (entry.state === 'dead' && entry.reason?.startsWith('unconfirmed:') === true) {
    throw new WebhookError('task_missing', `result: ${entry.reason}`);
  }
  if (parts.confirm && needsConfirmation(entry)) return askFor(entry.taskId, leftMs, parts);
  const { result, schemaError } = parseStoredBody(entry);
  if (result !== null) return result;
  const message = `result: the event of the task does not fit the schema: ${schemaError}. Replay it with a corrected body.`;
  throw new WebhookError('invalid_result', message);
}

function timeout(taskId: string, timeoutMs: number, entry: Entry | undefined): WebhookError {
  const last = entry?.reason == null ? '' : ` The last attempt: ${entry.reason}`;
  const advice = entry
    ? `The task is awaited: wait longer, or let a handler take the result.${last}`
    : 'The inbox has no entry of it: submit it with receiver.submit(), or call receiver.expect().';
  const message = `result: no result of ${taskId} within ${timeoutMs} ms. ${advice}`;
  return new WebhookError('result_timeout', message);
}
