import {
  replayChanges,
  WebhookError,
  type EntryTarget,
  type StoreReplayOptions,
} from '@novita-webhooks/core';

import { toJobId } from '../bullmq/names.ts';
import { seriesOf, toProgress, writeProgress, type Progress } from '../bullmq/progress.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';
import { alone } from './alone.ts';
import { findUnchanged, type Found } from './find-unchanged.ts';

/**
 * Begins another series of attempts. A retry in a dashboard does the same.
 *
 * One race is left: if another process replays the entry and settles its next attempt in the same state
 * between the reading and `retry`, about a round trip, the entry is replayed once more.
 */
export async function replay(
  queue: EndpointQueue,
  target: EntryTarget,
  options: StoreReplayOptions,
): Promise<boolean> {
  const { body } = options;
  if (body === undefined) return replayAs(queue, target, options);
  // Otherwise the data of an entry that has taken the place of this one could be overwritten.
  const id = toJobId(target.taskId);
  const isReplayed = await alone(queue, id, (isInTime) =>
    replayAs(queue, target, options, isInTime),
  );
  if (isReplayed !== undefined) return isReplayed;
  const message = 'inbox-bullmq: another process is changing this entry. Replay it again in 10 s.';
  throw new WebhookError('inbox_unavailable', message);
}

async function replayAs(
  queue: EndpointQueue,
  target: EntryTarget,
  { handlers, body }: StoreReplayOptions,
  isInTime = () => true,
): Promise<boolean> {
  const found = await findUnchanged(queue, target);
  if (found === null) return false;
  const { job, state, entry } = found;
  if (state !== 'completed' && state !== 'failed') return false;
  const note = toNote(found, handlers);
  if (note !== null) await queue.run(() => writeProgress(job, note));
  if (body !== undefined) {
    const originalBody = entry.originalBody ?? entry.body;
    const data = { ...(job.data as object), ...body, schemaError: null, originalBody };
    if (!isInTime()) return false;
    await queue.run(() => job.updateData(data));
  }
  try {
    await queue.run(() => job.retry(state));
    return true;
  } catch (error) {
    // Of several that replay it at once, BullMQ refuses all but the first.
    if ((await queue.run((bullmq) => bullmq.getJobState(String(job.id)))) === state) throw error;
    return false;
  }
}

/** What the next series has to begin with; `null` where the note of the last one tells all. */
function toNote({ job, entry }: Found, handlers: readonly string[] | undefined): Progress | null {
  const noted = toProgress(job);
  const isKnown = noted?.attempts !== undefined && noted.nextReplay === undefined;
  if (isKnown && handlers === undefined) return null;
  const { attempts } = entry;
  const { succeededHandlers = [], partialReplay } = replayChanges(entry, { handlers }) ?? {};
  const started = job.attemptsStarted;
  return {
    ...seriesOf(job),
    ...{ attempts, uncounted: started, settled: started, doneAt: started },
    ...{ succeededHandlers, nextReplay: partialReplay ?? undefined },
  };
}
