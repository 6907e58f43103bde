// What callers pass to receiver.expect(), submit() and result().
import * as z from 'zod';

import type { CallbackSettings, MetadataOption } from '../callback/callback.ts';
import { isTaskId, SUBMISSION_PREFIX } from '../events/envelope.ts';
import { parseArgument, strictOptions } from '../shared/check-options.ts';
import { isPrintable } from '../shared/printable.ts';
import { WebhookError } from '../shared/errors.ts';
import type { MediaKind } from './expectation-body.ts';

/** How a result is awaited. */
export interface AwaitOptions {
  /** Milliseconds after which a task without a result becomes a dead letter. Default 24 hours. */
  readonly within?: number | undefined;
  /**
   * What the task makes. The first question comes after 5 s for images and audio, after 30 s for a
   * video. Default `image`.
   */
  readonly media?: MediaKind | undefined;
}

/** What `receiver.expect()` takes. */
export type ExpectOptions<Input extends object = object> = AwaitOptions &
  MetadataOption<Input> & {
    /** The key of a call of `submit()` that submitted this task and could not keep it. */
    readonly key?: string | undefined;
  };

/** What `receiver.submit()` takes. */
export type SubmitOptions<Input extends object = object> = AwaitOptions &
  CallbackSettings &
  MetadataOption<Input> & {
    /**
     * Identifies the submission, such as the id of an order. Of all calls with one key, only one
     * submits a task; the others get its task id.
     */
    readonly key?: string | undefined;
  };

const DAY_MS = 24 * 60 * 60 * 1000;
const MAX_KEY_LENGTH = 200;
const ms = z.number('must be milliseconds').positive('must be milliseconds above 0');

const awaitShape = {
  within: ms.max(8e15).default(DAY_MS),
  media: z.enum(['image', 'video', 'audio'], 'must be image, video or audio').default('image'),
};
const key = z
  .string('must be a text')
  .max(MAX_KEY_LENGTH, `must have at most ${MAX_KEY_LENGTH} characters`)
  .refine((text) => text !== '' && isPrintable(text), 'must be a printable text that is not empty')
  .optional();
const unknown = z.unknown().optional(); // checked where it is used

const expectSchema = strictOptions({ ...awaitShape, key, metadata: unknown });
const submitSchema = strictOptions({
  ...{ ...awaitShape, key, metadata: unknown, expiresInMs: unknown },
  ...{ testMode: unknown, oneTask: unknown },
});
const resultSchema = strictOptions({ timeoutMs: ms.default(60_000) });

type Resolved = Required<{ [Name in keyof AwaitOptions]: Exclude<AwaitOptions[Name], undefined> }>;
type Checked = Resolved & {
  readonly key?: string | undefined;
  readonly metadata?: unknown;
};

/** @throws WebhookError `invalid_argument` */
export function checkExpectOptions(options: object): Checked {
  return parseArgument('expect', expectSchema, options);
}

/** @throws WebhookError `invalid_argument` */
export function checkSubmitOptions(options: object): Checked & CallbackSettings {
  return parseArgument('submit', submitSchema, options) as ReturnType<typeof checkSubmitOptions>;
}

/** @throws WebhookError `invalid_argument` */
export function checkResultOptions(options: object): { readonly timeoutMs: number } {
  return parseArgument('result', resultSchema, options);
}

/** @throws WebhookError `invalid_argument` */
export function checkTaskId(method: string, taskId: unknown): string {
  const isOne = typeof taskId === 'string' && isTaskId(taskId);
  if (isOne && !taskId.startsWith(SUBMISSION_PREFIX)) return taskId;
  const message = `${method}: the task id must be 1 to 256 printable characters. Pass the task_id that the submit call returned.`;
  throw new WebhookError('invalid_argument', message);
}
