// Asks the inbox and the network whether a receiver works. Used by receiver.check().
import { finding, type Finding } from './find-problems.ts';
import { PROBE_EVENT_TYPE } from '../handlers/best-effort-events.ts';
import type { Inbox } from '../inbox/ports.ts';
import { LATE, withDeadline, type Clock } from '../shared/clock.ts';
import { describeError } from '../shared/errors.ts';
import { isObject } from '../shared/json.ts';

/** Whether the inbox answers. */
export async function checkInbox(
  { inbox, clock }: { readonly inbox: Inbox; readonly clock: Clock },
  timeoutMs: number,
): Promise<Finding[]> {
  if (inbox.capabilities.addOnly) return [];
  const unavailable = (why: string) => [
    finding(
      'error',
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

/**
 * Posts an event to `url` that every receiver ignores, and looks at the reply.
 *
 * @param callbackUrl signed: a receiver with another secret or endpoint refuses it
 */
export async function probeUrl(callbackUrl: string, timeoutMs: number): Promise<Finding[]> {
  const { origin, pathname } = new URL(callbackUrl);
  const address = origin + pathname;
  try {
    const response = await fetch(callbackUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ event_type: PROBE_EVENT_TYPE }),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = (await response.text()).slice(0, 1000);
    return ofAnswer(address, response.status, parseOrNull(text));
  } catch (error) {
    return [
      finding(
        'error',
        'url_unreachable',
        `a request to ${address} failed (${describeError(error)}). Is the server listening, and the address right?`,
      ),
    ];
  }
}

function ofAnswer(address: string, status: number, body: unknown): Finding[] {
  const { code, status: text } = isObject(body) ? body : {};
  if (status === 200 && text === 'ignored') return [];
  const isNoRoute = status === 404 || status === 405;
  const why =
    code === 'unauthorized'
      ? 'by a receiver with another secret or endpoint option. Give both processes the same ones.'
      : 'by something else than this receiver. Compare url with the path that the webhooks are mounted on' +
        (isNoRoute ? ', and mount them for POST: app.post, not app.get.' : '.');
  return [
    finding(
      'error',
      'url_answered_by_another',
      `a request to ${address} was answered ${status}, ${why}`,
    ),
  ];
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
