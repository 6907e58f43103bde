import {
  mintCallback,
  requireFit,
  type CallbackConfig,
  type CallbackParts,
} from '../callback/callback.ts';
import { checkMetadata } from '../callback/metadata.ts';
import { isTaskId } from '../events/envelope.ts';
import { isExpectation } from '../inbox/expectation.ts';
import { fromInbox } from '../inbox/from-inbox.ts';
import type { NewEntry } from '../inbox/ports.ts';
import { sleep } from '../shared/abortable.ts';
import { monotonicMs, type Clock } from '../shared/clock.ts';
import { WebhookError } from '../shared/errors.ts';
import { isObject } from '../shared/json.ts';
import type { Logger } from '../shared/logger.ts';
import { checkSubmitOptions } from './expect-options.ts';
import { keepExpectation, requireReadableInbox, type ExpectParts } from './expect-task.ts';
import { submittedTaskOf, toReserved, toSubmitted } from './submission.ts';

/**
 * Submits a task, for example `(webhook) => novita.txt2Img({ …, extra: { webhook } })`. Returns the
 * answer of Novita, or its task id.
 *
 * @param webhook for `extra.webhook`; `undefined` if the receiver has no `url`
 */
export type SubmitCall<Response> = (
  webhook: CallbackConfig | undefined,
) => Response | Promise<Response>;

/** A task that was submitted. */
export interface Submission<Response> {
  readonly taskId: string;
  /** What the call returned; `null` if an earlier call with the same key had submitted the task. */
  readonly response: Response | null;
}

type Parts = ExpectParts &
  CallbackParts & { readonly testEvents: 'handle' | 'ignore'; readonly limitedLog: Logger };

/** Where a submission is kept, and the clock by which it waits. */
type Kept = Pick<Parts, 'inbox' | 'clock'>;

/** Calls, and keeps what is needed to get the result. See `receiver.submit`. */
export async function submitTask<Response>(
  call: SubmitCall<Response>,
  options: object,
  parts: Parts,
): Promise<Submission<Response>> {
  const { key, metadata: unchecked, within, media, ...settings } = checkSubmitOptions(options);
  if (typeof call !== 'function') {
    const message = 'submit: pass a function that submits the task, such as (webhook) => …';
    throw new WebhookError('invalid_argument', message);
  }
  requireReadableInbox('submit', parts.inbox);
  const metadata = checkMetadata('submit', unchecked);
  await requireFit('submit', metadata, parts.metadataSchema);
  const { testMode } = settings;
  // Without a token, the expectation alone keeps the metadata.
  const ofCallback = parts.tokens === null ? { testMode } : { ...settings, metadata };
  const minted = parts.url === null ? null : await mintCallback(ofCallback, parts);
  const tokenId = minted?.tokenId ?? null;
  const isTest = testMode !== undefined;
  // The event of a test that is to be ignored will never reach the inbox.
  const isAwaited = !isTest || parts.testEvents === 'handle';
  const submission = { within, media, metadata, testMode: isTest, tokenId };
  const reserved = key === undefined ? null : toReserved(key, within, parts);
  const earlier = reserved && (await reserve(reserved, parts));
  if (earlier !== null) return { taskId: earlier, response: null };
  const response = await callOrGiveBack(call, minted?.webhook, reserved, parts);
  const taskId = readTaskId(response);
  const repeat = toExpectCall(taskId, options);
  await keepSubmitted(repeat, parts.clock, async () => {
    if (isAwaited) await keepExpectation({ taskId, ...submission }, parts);
    if (reserved !== null) await parts.inbox.add(toSubmitted(reserved, taskId));
  });
  return { taskId, response };
}

/** Milliseconds that a call with the same key may take in another place. */
const IN_FLIGHT_MS = 30_000;
/** Older than this, by the clock of another machine too, the call has had its time. */
const STALE_MS = 2 * IN_FLIGHT_MS;
const SILENT_MS = 2000;
const PAUSE_MS = 100;

/** @returns the task that an earlier call with this key has submitted; `null`: this call shall submit */
async function reserve(
  reserved: NewEntry,
  { inbox, clock, limitedLog }: Kept & Pick<Parts, 'limitedLog'>,
): Promise<string | null> {
  const start = monotonicMs(clock);
  for (let isSilent = true; ;) {
    if ((await fromInbox('submit', () => inbox.add(reserved))) === 'added') return null;
    const existing = await fromInbox('submit', () => inbox.get(reserved));
    const taskId = existing && submittedTaskOf(existing);
    if (typeof taskId === 'string') return taskId;
    const waitedMs = monotonicMs(clock) - start;
    const isStale = existing && clock.now() - existing.receivedAt >= STALE_MS;
    if (existing?.state === 'dead' || isStale || waitedMs >= IN_FLIGHT_MS) {
      throw unfinished(reserved);
    }
    if (isSilent && waitedMs >= SILENT_MS) {
      isSilent = false;
      limitedLog.warn({ taskId: reserved.taskId }, WAITING);
    }
    await pause(clock);
  }
}

const WAITING =
  'submit: another call with this key has not named its task yet. This call waits up to 30 s for it, then ' +
  'rejects with submission_unfinished.';

function unfinished({ endpoint, taskId }: NewEntry): WebhookError {
  const message =
    'submit: a call with this key began and has not named its task, so the task may be running. ' +
    'If it is, name it with receiver.expect(taskId, { key }). ' +
    `If it is not, allow another call with inbox.discard(${JSON.stringify({ endpoint, taskId })}).`;
  return new WebhookError('submission_unfinished', message);
}

async function callOrGiveBack<Response>(
  call: SubmitCall<Response>,
  webhook: CallbackConfig | undefined,
  reserved: NewEntry | null,
  parts: Kept,
): Promise<Response> {
  try {
    return await call(webhook);
  } catch (error) {
    if (reserved !== null) await giveBack(reserved, parts);
    throw error;
  }
}

const MAX_TRIES = 20;

/** A worker may look at the record for a moment, and then it cannot be discarded. Never rejects. */
async function giveBack(reserved: NewEntry, { inbox, clock }: Kept): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const current = await inbox.get(reserved).catch(() => reserved);
    const isOwn = current?.receivedAt === reserved.receivedAt && isExpectation(current);
    if (!isOwn) return; // discarded meanwhile
    if (await inbox.discard(reserved).catch(() => false)) return;
    await pause(clock);
  }
}

/** The call of `receiver.expect` that keeps what a call of `submit` could not, to be copied from its error. */
function toExpectCall(taskId: string, options: object): string {
  const given = ['metadata', 'media', 'within', 'key'].filter((name) => name in options);
  const argument = given.length === 0 ? '' : `, { ${given.join(', ')} }`;
  return `receiver.expect('${taskId}'${argument})`;
}

/**
 * Repeats what keeps a submitted task: the task was paid for.
 *
 * @param repeat what the caller can do when the inbox works again
 */
async function keepSubmitted(
  repeat: string,
  clock: Clock,
  keep: () => Promise<void>,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await keep();
      return;
    } catch (error) {
      if (tries < 3) {
        await pause(clock);
        continue;
      }
      const message = `submit: Novita accepted the task, but the inbox did not keep it. Do not submit it again. When the inbox works again, call ${repeat} with the values of this call.`;
      throw new WebhookError('inbox_unavailable', message, { cause: error });
    }
  }
}

const pause = (clock: Clock): Promise<void> => sleep(PAUSE_MS, clock, undefined);

/** Characters of an id, and a digit or a hyphen among them. */
const BARE_ID = /^(?=.*[\d-])[\w.:-]+$/;

/** The task id in what a submit call returned: the id itself, an answer, or an answer in `data`. */
function readTaskId(response: unknown): string {
  const answers = isObject(response) ? [response, response['data']] : [];
  const ids = answers.map((one) => (isObject(one) ? one['task_id'] : undefined));
  // A text alone may be an error page, or JSON that was not parsed.
  const own = typeof response === 'string' && BARE_ID.test(response) ? [response] : [];
  const taskId = [...own, ...ids].find((id) => typeof id === 'string' && isTaskId(id));
  if (typeof taskId === 'string') return taskId;
  const message =
    'submit: the call returned no task_id. Return what Novita answers, for example `return await ' +
    'response.json()`. The task may have been submitted.';
  throw new WebhookError('invalid_argument', message);
}
