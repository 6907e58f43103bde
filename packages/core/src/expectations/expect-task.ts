import { requireFit } from '../callback/callback.ts';
import { checkMetadata } from '../callback/metadata.ts';
import { fromInbox } from '../inbox/from-inbox.ts';
import type { Inbox, NewEntry } from '../inbox/ports.ts';
import type { Clock } from '../shared/clock.ts';
import { WebhookError } from '../shared/errors.ts';
import type { Logger } from '../shared/logger.ts';
import type { StandardSchema } from '../shared/standard-schema.ts';
import { toExpectationEntry, type MediaKind } from './expectation-body.ts';
import { checkExpectOptions, checkTaskId } from './expect-options.ts';
import { submittedTaskOf, toReserved, toSubmitted } from './submission.ts';

export interface ExpectParts {
  readonly inbox: Inbox;
  readonly endpoint: string;
  readonly clock: Clock;
}

/**
 * Keeps an expectation, unless the inbox has an entry of the task. See `receiver.expect`.
 *
 * @returns whether the task is awaited from now on
 * @throws WebhookError `invalid_argument`, `not_supported`, `inbox_full`, `inbox_unavailable`
 */
export async function expectTask(
  taskId: string,
  options: object,
  parts: ExpectParts & {
    readonly limitedLog: Logger;
    readonly metadataSchema: StandardSchema | undefined;
  },
): Promise<boolean> {
  const { key, metadata, within, media } = checkExpectOptions(options);
  checkTaskId('expect', taskId);
  requireReadableInbox('expect', parts.inbox);
  const checked = checkMetadata('expect', metadata);
  await requireFit('expect', checked, parts.metadataSchema);
  const awaited = { taskId, metadata: checked, testMode: false, tokenId: null, within, media };
  return fromInbox('expect', async () => {
    if (key !== undefined)
      await nameTask(toSubmitted(toReserved(key, within, parts), taskId), parts);
    return keepExpectation(awaited, parts);
  });
}

/** Later calls of `submit` with the key get the task of the record. */
async function nameTask(record: NewEntry, { inbox }: ExpectParts): Promise<void> {
  if ((await inbox.add(record)) === 'added') return;
  const existing = await inbox.get(record);
  const taskId = existing && submittedTaskOf(existing);
  if (taskId == null || taskId === submittedTaskOf(record)) return;
  const message = `expect: a call with this key has submitted the task ${taskId}. Leave out key to expect this task too.`;
  throw new WebhookError('invalid_argument', message);
}

interface Awaited {
  readonly taskId: string;
  readonly metadata: ReturnType<typeof checkMetadata>;
  readonly testMode: boolean;
  /** Of the callback URL that was minted for the task; `null` if that is unknown. */
  readonly tokenId: string | null;
  readonly within: number;
  readonly media: MediaKind;
}

/**
 * @returns `false` if the inbox has an entry of the task already
 * @throws what the inbox throws
 */
export async function keepExpectation(
  { within, ...awaited }: Awaited,
  { inbox, endpoint, clock, limitedLog }: ExpectParts & { readonly limitedLog: Logger },
): Promise<boolean> {
  const now = clock.now();
  const entry = toExpectationEntry({ ...awaited, endpoint, until: now + within, now });
  const { taskId, metadata } = entry;
  let added = await inbox.add(entry);
  if (added === 'other_task') {
    added = await inbox.add({ ...entry, tokenId: null });
    limitedLog.warn({ taskId }, URL_WAS_USED);
  }
  if (added === 'duplicate' && Object.keys(metadata).length > 0) {
    const existing = await inbox.get(entry);
    const isLost = existing && Object.keys(existing.metadata).length === 0;
    if (isLost) limitedLog.warn({ taskId }, CAME_TOO_LATE);
  }
  return added === 'added';
}

const CAME_TOO_LATE =
  'expect: the result of a task was there first, without metadata, so handlers do not get the metadata of ' +
  'the expectation. Put it into the callback URL, or submit with receiver.submit() and a secret.';

const URL_WAS_USED =
  'submit: an event of another task came first with the callback URL of this task, so deliveries of this ' +
  'task will be refused. A worker with taskResults asks for its result. Find out who else knows the URL.';

/** @throws WebhookError `not_supported` for an add-only inbox: no process could ask for the result */
export function requireReadableInbox(method: string, inbox: Inbox): void {
  if (inbox.capabilities.addOnly !== true) return;
  const message = `${method}: an add-only inbox keeps no expectations. Use an inbox that this process can read.`;
  throw new WebhookError('not_supported', message);
}
