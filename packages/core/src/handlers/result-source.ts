import { isProgress, isTerminal } from '../events/task-result.ts';
import { hasFinalBody, needsConfirmation } from '../inbox/needs-confirmation.ts';
import type { HandlerFailure, NewEntry, Outcome } from '../inbox/ports.ts';
import type { Clock } from '../shared/clock.ts';
import { describeError, isWebhookError, summariseError, WebhookError } from '../shared/errors.ts';
import type { LazyAbort } from '../shared/lazy-abort.ts';
import type { Logger } from '../shared/logger.ts';
import type { TaskResultClient } from '../task-results/client.ts';
import { isApiDown } from '../task-results/api-failure.ts';
import { createAskApi, type AskApi } from './ask-api.ts';
import { hasExpiredLink } from './has-expired-link.ts';
import { fromAnswer, fromEntry, type EndedEarly, type HandledResult } from './handled-result.ts';
import { toFailure } from './handler-failure.ts';
import type { ParsedResults } from './parsed-results.ts';
import { released, waitForAnswer, waitUntilEnd } from './waiting.ts';
import type { WarnOnce } from './warn-once.ts';

/** Decides what handlers get of an entry. */
export interface ResultSource {
  /** The result for an attempt, or how the attempt ends without one. Never rejects. */
  resultOf(
    entry: SourceEntry,
    abort: LazyAbort,
  ): HandledResult | Promise<HandledResult | EndedEarly>;
  /** Ends what is being asked: its attempts release their entries. */
  stop(): void;
}

/** What of an entry decides. */
interface SourceEntry extends NewEntry {
  readonly succeededHandlers: readonly string[];
  /** See `Entry`. */
  readonly originalBody?: string | null;
}

export interface ResultSourceOptions {
  /** `null`: handlers get what the events say. */
  readonly taskResults: Pick<TaskResultClient, 'getPayload'> | null;
  /** Whether each event is checked against the Task Result API. */
  readonly confirm: boolean;
  /** See `ReceiverStats`. */
  readonly apiDownMs: () => number | null;
  readonly parsedResults: Pick<ParsedResults, 'take'>;
  readonly clock: Clock;
  readonly limitedLog: Logger;
  readonly warnOnce: WarnOnce;
  /** Called when the API contradicts the status of an event. */
  readonly onDisagreement: () => void;
}

type Asking = ResultSourceOptions & { readonly api: AskApi };

export function createResultSource(options: ResultSourceOptions): ResultSource {
  const { taskResults, confirm, parsedResults, clock } = options;
  const api = taskResults && createAskApi(taskResults, clock);
  return {
    resultOf(entry, abort) {
      const own = fromEntry(entry, parsedResults);
      if (api === null || own.parsed.result === null || hasFinalBody(entry)) return own;
      if (confirm && needsConfirmation(entry)) return confirmed(entry, abort, { ...options, api });
      if (!hasExpiredLink(own.parsed.result, clock.now())) return own;
      return withFreshLinks(entry, own, abort, { ...options, api });
    },
    stop: () => api?.stop(),
  };
}

/** The answer of the API, whatever the event says. */
async function confirmed(
  entry: SourceEntry,
  abort: LazyAbort,
  options: Asking,
): Promise<HandledResult | EndedEarly> {
  const { api, clock, warnOnce } = options;
  try {
    const answer = fromAnswer(await api.ask(entry.taskId, abort), clock.now());
    const { result, schemaError } = answer.parsed;
    if (result === null) return unconfirmed(entry, new WebhookError('invalid_result', schemaError));
    const { status } = result.task;
    if (isProgress(status)) {
      if (hasWaitedTooLong(entry, clock)) return unconfirmed(entry, stillRuns(status));
      return waitUntilEnd(entry, status, options);
    }
    if (!isTerminal(entry.status) || status === entry.status) return answer;
    options.onDisagreement();
    const fields = { taskId: entry.taskId, event: entry.status, api: status };
    warnOnce(`disagreement ${entry.status} ${status}`, fields, DISAGREEMENT);
    return { ...answer, remark: toRemark(entry.status, status) };
  } catch (error) {
    if (abort.aborted || api.isStopped()) return released(entry, 0);
    if (isWebhookError(error, 'task_not_found')) return unconfirmed(entry, error);
    if (!isApiDown(error) && hasWaitedTooLong(entry, clock)) {
      return unconfirmed(entry, error, ` ${SINCE_A_WEEK}`);
    }
    return waitForAnswer(entry, error, options);
  }
}

/** The answer of the API if it has the status of the event, else the event. */
async function withFreshLinks(
  entry: SourceEntry,
  own: HandledResult,
  abort: LazyAbort,
  { api, clock, warnOnce }: Asking,
): Promise<HandledResult | EndedEarly> {
  const { taskId } = entry;
  try {
    const answer = fromAnswer(await api.ask(taskId, abort), clock.now());
    const { result, schemaError } = answer.parsed;
    if (result?.task.status === entry.status) return { ...answer, testMode: own.testMode };
    const fields = { taskId, event: entry.status, api: result?.task.status ?? schemaError };
    warnOnce('links of another status', fields, OTHER_STATUS);
  } catch (error) {
    if (abort.aborted || api.isStopped()) return released(entry, 0);
    const code = isWebhookError(error) ? error.code : '';
    warnOnce(`links ${code}`, { taskId, error: describeError(error) }, NO_FRESH_LINKS);
  }
  return own;
}

function unconfirmed({ succeededHandlers }: SourceEntry, error: unknown, since = ''): EndedEarly {
  const { message, code } = summariseError(error);
  const why = message.replace(/\.$/, '') + (code === null ? '' : ` (${code})`);
  const reason = `unconfirmed: ${why}.${since} ${UNCONFIRMED}`;
  return end({ type: 'dead', code: 'unconfirmed', reason, succeededHandlers }, error);
}

/** Of what concerns the entry alone: an event that replaced an expectation took its deadline with it. */
function hasWaitedTooLong({ receivedAt }: SourceEntry, clock: Clock): boolean {
  return clock.now() - receivedAt >= MAX_WAITING_MS;
}

const stillRuns = (status: string) =>
  new WebhookError('invalid_result', `the Task Result API says ${status}, 7 days after the event`);

/** The entry keeps the status of its event: it is evidence. */
function toRemark(event: string, api: string): HandlerFailure {
  const message = `the event said ${event}, and the Task Result API ${api}. Handlers got that.`;
  return { handler: STEP, name: 'Disagreement', message, code: 'disagreement' };
}

function end(ended: Outcome, error: unknown): EndedEarly {
  return { ended, failures: [toFailure(STEP, error)] };
}

/** Stands for the name of a handler in the log of attempts. */
const STEP = 'confirm';

const MAX_WAITING_MS = 7 * 24 * 60 * 60_000;
const UNCONFIRMED =
  'The event may be forged. If it is not, replay the entry when the Task Result API knows the task.';
const SINCE_A_WEEK = 'That was so for 7 days after the event.';
const DISAGREEMENT =
  'worker: the Task Result API contradicts the status of an event. Handlers get the answer of the API. ' +
  'Find out who else knows the callback URL.';
const NO_FRESH_LINKS =
  'worker: links of a result have expired, and the Task Result API gave no fresh ones. Handlers get ' +
  'the expired ones.';
const OTHER_STATUS =
  'worker: links of a result have expired, and the Task Result API gives the task another status. ' +
  'Handlers get what the event says. Set confirm: true to give them the answer of the API.';
