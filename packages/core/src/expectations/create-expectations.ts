import type { OptionalArgument } from '../callback/callback.ts';
import type { TaskResult } from '../events/task-result.ts';
import type { ExpectOptions, SubmitOptions } from './expect-options.ts';
import { expectTask } from './expect-task.ts';
import { submitTask, type Submission, type SubmitCall } from './submit-task.ts';
import { waitForResult } from './wait-for-result.ts';

/** What a receiver does so that no result is missed. */
export interface Expectations<Input extends object = object> {
  /**
   * Submits a task with a callback URL, and awaits its result: if no webhook brings it, a worker with
   * `taskResults` asks for it. Also without `url`, and for endpoints that send no webhooks. A `call` that
   * throws has submitted nothing.
   *
   * @param options `key`: of all calls with one key, in any process with this inbox, one submits a task
   * @throws what `call` throws; WebhookError `submission_unfinished`, `invalid_argument`, `inbox_full`,
   * `inbox_unavailable`
   * @example
   * const { taskId } = await receiver.submit(
   *   (webhook) => novita.txt2Img({ ...input, extra: { webhook } }),
   *   { metadata: { orderId: 42 }, key: 'order-42' },
   * );
   */
  submit<Response>(
    call: SubmitCall<Response>,
    ...options: OptionalArgument<SubmitOptions<Input>>
  ): Promise<Submission<Response>>;
  /**
   * Awaits the result of a task that was submitted elsewhere, as `submit` does. Does nothing if the inbox
   * has an entry of the task. The metadata outranks that of a callback URL.
   *
   * @returns `false` if the inbox had an entry of the task: the result came first, and the metadata was
   * not kept
   * @throws WebhookError `invalid_argument`, `not_supported`, `inbox_full`, `inbox_unavailable`
   * @example
   * await receiver.expect(taskId, { media: 'video', within: 3_600_000 });
   */
  expect(taskId: string, ...options: OptionalArgument<ExpectOptions<Input>>): Promise<boolean>;
  /**
   * The result of a task, from the inbox, as soon as an event or a question has brought it there: in any
   * process that shares the inbox. Also of a task that failed. Handlers run all the same.
   *
   * @param options `timeoutMs`: milliseconds; default 60 s
   * @throws WebhookError `result_timeout`, `task_missing`, `invalid_result`, `closing`, `inbox_unavailable`
   * @example
   * const { task, images } = await receiver.result(taskId, { timeoutMs: 120_000 });
   */
  result(
    taskId: string,
    options?: { readonly timeoutMs?: number | undefined },
  ): Promise<TaskResult>;
}

/**
 * The methods of one receiver.
 *
 * @param whileOpen runs work that `close()` waits for, and refuses it after `close()`
 */
export function createExpectations(
  parts: Parameters<typeof submitTask>[2] & Parameters<typeof waitForResult>[2],
  whileOpen: <T>(method: string, work: () => Promise<T>) => Promise<T>,
): Expectations {
  return {
    submit: (call, options = {}) => whileOpen('submit', () => submitTask(call, options, parts)),
    expect: (taskId, options = {}) => whileOpen('expect', () => expectTask(taskId, options, parts)),
    // Not waited for: it may take its whole timeout.
    result: (taskId, options = {}) => waitForResult(taskId, options, parts),
  };
}
