import { randomUUID } from 'node:crypto';

import { checkHttp, checkMethod, checkSlash } from './addresses.ts';
import { checkAddress, checkConnection, hostOf, isLoopback } from './address.ts';
import { checkCertificate } from './certificate.ts';
import { skipped, type Check } from './check.ts';
import { checkEvents, checkSize, checkToken, type Post } from './deliveries.ts';
import type { Endpoint } from './endpoint.ts';
import { PROBE } from './events.ts';
import { checkRoute, checkTimes, checkWithoutToken, isReceiver } from './route.ts';
import { isNoAnswer, send, type Answer, type NoAnswer } from './send.ts';

/** How an endpoint is examined. */
export interface ExamineOptions {
  /** Whether an event is sent that the receiver keeps. */
  readonly event: boolean;
  /** Called with each check, in order. */
  readonly onCheck: (check: Check) => void;
}

const NO_TOKEN = 'No secret is known, so no event is accepted.';
const SET_SECRET =
  'Set NOVITA_WEBHOOK_SECRET to the secret of the receiver, or pass a URL with a token.';

const examineDeliveries = async (
  signedUrl: string | undefined,
  { event, onCheck }: ExamineOptions,
  onAnswer: (answer: Answer | NoAnswer) => void,
): Promise<void> => {
  if (signedUrl === undefined) {
    onCheck(skipped('token', NO_TOKEN, SET_SECRET));
    return;
  }
  const post: Post = async (delivery) => {
    const answer = await send(signedUrl, delivery);
    if (delivery.announcedBytes === undefined) onAnswer(answer);
    return answer;
  };
  const token = await checkToken(post);
  onCheck(token);
  if (token.level !== 'ok') return;
  if (event) for (const check of await checkEvents(post, `doctor-${randomUUID()}`)) onCheck(check);
  else onCheck(skipped('event', 'No event was sent, as --no-event says.'));
  onCheck(await checkSize(post));
};

/** Checks of the way to the server. Returns whether a delivery may be sent. */
const examineWay = async ({ url }: Endpoint, onCheck: (check: Check) => void): Promise<boolean> => {
  onCheck(checkAddress(url));
  const connection = await checkConnection(url);
  onCheck(connection);
  if (connection.level === 'error') return false;
  if (url.protocol !== 'https:') return true;
  const certificate = await checkCertificate(url);
  onCheck(certificate);
  if (certificate.level !== 'error' || isLoopback(hostOf(url))) return true;
  onCheck(skipped('route', 'Nothing was sent: the server may be another one than yours.'));
  return false;
};

/** Examines an endpoint, from its address to a large event. Stops where later checks would tell nothing. */
export const examine = async (endpoint: Endpoint, options: ExamineOptions): Promise<void> => {
  const { onCheck } = options;
  if (!(await examineWay(endpoint, onCheck))) return;
  const durationsMs: number[] = [];
  const onAnswer = ({ durationMs }: Answer | NoAnswer): void => void durationsMs.push(durationMs);
  const first = await send(endpoint.url.href, { body: PROBE });
  onAnswer(first);
  onCheck(await checkRoute(endpoint, first));
  if (isNoAnswer(first) || !isReceiver(first)) return;
  onCheck(checkWithoutToken(first));
  await examineDeliveries(endpoint.signedUrl, options, onAnswer);
  onCheck(await checkMethod(endpoint));
  onCheck(await checkSlash(endpoint));
  const http = await checkHttp(endpoint);
  if (http !== undefined) onCheck(http);
  onCheck(checkTimes(durationsMs));
};
