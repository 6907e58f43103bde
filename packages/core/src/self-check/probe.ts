// Asks the inbox and the network whether a receiver works. Used by receiver.check().
import { isReplyCode, replies } from '../delivery/replies.ts';
import { isPathOf } from './find-problems.ts';
import { finding, type Finding } from './finding.ts';
import { PROBE_EVENT_TYPE } from '../handlers/best-effort-events.ts';
import type { Inbox } from '../inbox/ports.ts';
import { LATE, withDeadline, type Clock } from '../shared/clock.ts';
import { describeError, isWebhookError } from '../shared/errors.ts';
import { isObject } from '../shared/json.ts';
import { askInTime } from '../task-results/ask-in-time.ts';
import type { TaskResultClient } from '../task-results/client.ts';

/** Whether the inbox answers. */
export async function checkInbox(
  { inbox, clock }: { readonly inbox: Inbox; readonly clock: Clock },
  timeoutMs: number,
): Promise<Finding[]> {
  if (inbox.capabilities.addOnly) return [];
  const unavailable = (why: string) => [
    finding(
      'inbox_unavailable',
      `the inbox does not answer (${why}). Deliveries get 503 until it does.`,
    ),
  ];
  try {
    const stats = await withDeadline(inbox.stats(), timeoutMs, clock);
    return stats === LATE ? unavailable(`no answer in ${timeoutMs} ms`) : [];
  } catch (error) {
    return unavailable(describeError(error));
  }
}

/** No task has it: the API says that it does not know the task, if it takes the key. */
const NO_TASK = 'novita-webhooks-check';

/** Whether the Task Result API answers and takes the key of the client. */
export async function checkApi(
  client: TaskResultClient,
  clock: Clock,
  timeoutMs: number,
): Promise<Finding[]> {
  try {
    const ask = (signal: AbortSignal) => client.getPayload(NO_TASK, { signal });
    await askInTime(ask, { clock, maxMs: timeoutMs });
    return [];
  } catch (error) {
    const why = describeError(error);
    if (isWebhookError(error, 'task_not_found')) return [];
    return isWebhookError(error, 'api_key_rejected')
      ? [finding('api_key_rejected', `${KEY_REJECTED} (${why})`)]
      : [finding('api_unavailable', `${API_UNAVAILABLE} (${why})`)];
  }
}

const KEY_REJECTED =
  'the Task Result API rejects the key of taskResults, so awaited tasks get no result and events that need ' +
  'confirmation wait. Pass the API key of the account that submits the tasks.';
const API_UNAVAILABLE =
  'the Task Result API could not be asked, so what needs its answer waits. Check baseUrl and the network.';

/**
 * Posts an event to `url` that every receiver ignores, and looks at the reply.
 *
 * @param callbackUrl signed: a receiver with another secret or endpoint refuses it
 * @param path on which the receiver is mounted, if known
 */
export async function probeUrl(
  callbackUrl: string,
  timeoutMs: number,
  path: string | null,
): Promise<Finding[]> {
  const address = withoutQuery(callbackUrl);
  try {
    const response = await fetch(callbackUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'novita-webhooks-check' },
      body: JSON.stringify({ event_type: PROBE_EVENT_TYPE }),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const { status, headers } = response;
    const body = parseOrNull((await response.text()).slice(0, 1000));
    return ofAnswer({ address, path, status, location: headers.get('location'), body });
  } catch (error) {
    if ((error as Partial<Error> | null)?.name === 'TimeoutError') {
      const message = `a request to ${address} was not answered in ${timeoutMs} ms. Code of the server neither answers nor calls next(). Mount the result of novitaWebhooks(receiver) itself, before such code.`;
      return [finding('url_not_answered', message)];
    }
    const message = `a request to ${address} failed (${describeError(error)}). Start the server before check(), and compare url with the address of the server.`;
    return [finding('url_unreachable', message)];
  }
}

interface Answer {
  /** Without the token. */
  readonly address: string;
  readonly path: string | null;
  readonly status: number;
  readonly location: string | null;
  readonly body: unknown;
}

function ofAnswer({ address, path, status, location, body }: Answer): Finding[] {
  const { code, status: text } = isObject(body) ? body : {};
  if (status === 200 && text === 'ignored') return [];
  const answered = `a request to ${address} was answered ${status}`;
  if (typeof code === 'string' && isReplyCode(code) && replies[code].status === status) {
    return [ofRefusal(answered, code)];
  }
  if (status >= 300 && status < 400) {
    const isAddress = location !== null && URL.canParse(location, address);
    const target = isAddress ? `to ${withoutQuery(location, address)}` : 'elsewhere';
    const message = `${answered}, a redirect ${target}. Use the final address as url.`;
    return [finding('url_redirected', message)];
  }
  const message = `${answered}, but not by this receiver. ${adviseOn(status, address, path)}`;
  return [finding('url_answered_by_another', message)];
}

function adviseOn(status: number, address: string, path: string | null): string {
  const { pathname } = new URL(address);
  if (path !== null && !isPathOf(address, path)) {
    return `The webhooks are mounted on ${path}, not on ${pathname}. Make both the same.`;
  }
  if (status === 404 || status === 405) {
    return `No route of the server takes POST ${pathname}: the webhooks are mounted on another path than that of url, or for another method. Mount them for POST on ${pathname}, or correct url. In Koa, look also for a middleware before them that does not await next().`;
  }
  if (status >= 500) {
    return 'Code before the webhooks threw, or a proxy has no server behind it. Read the log of the server.';
  }
  return 'Code before the webhooks answered, such as a login or a CSRF check, or url leads to another server. Mount the webhooks before that code.';
}

/** What a receiver answered. */
function ofRefusal(answered: string, code: keyof typeof replies): Finding {
  if (code === 'unauthorized') {
    const message = `${answered}, by a receiver with another secret or endpoint option. Give both processes the same ones.`;
    return finding('url_answered_by_another', message);
  }
  const advice = REFUSAL_ADVICE[code] ?? detailOf(replies[code].body);
  return finding('url_refused', `${answered} ${code} by the receiver. ${advice}`);
}

const MOVE =
  'Move the line that mounts the webhooks, such as app.post(path, novitaWebhooks(receiver)), above that code.';
const REFUSAL_ADVICE: Partial<Record<string, string>> = {
  body_already_read: `Code before it, such as a body parser, read the body and kept nothing. ${MOVE}`,
  missing_event_type: `Code before it, such as a parser of forms, changed the body. ${MOVE}`,
  invalid_json: `Code before it, such as a body parser, changed the body. ${MOVE}`,
  inbox_unavailable: 'The log of that process says why the inbox rejected the event.',
};

function detailOf(body: string): string {
  const { detail } = JSON.parse(body) as { readonly detail?: string };
  return detail ?? '';
}

function withoutQuery(url: string, base?: string): string {
  const { origin, pathname } = new URL(url, base);
  return origin + pathname;
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
