import { isAcknowledged, isRetried, type Delivery, type DeliveryFailure } from '../delivery.ts';
import { isObject } from '../json.ts';

/** What happens after a failed delivery. */
export interface RetryPlan {
  /** Delays before the retries that this process performs. Empty: it performs none. */
  readonly delaysMs: readonly number[];
  /** Whether this process simulates Novita's retries. If not, the text says what Novita would do. */
  readonly isPerformed: boolean;
  /** Says how to send an event later that was never acknowledged. */
  readonly describeKept?: (taskId: string) => string;
}

/** A delivery in words. */
export interface DeliveryReport {
  readonly acknowledged: boolean;
  /** `attempt 1`, `copy 2, sent at the same time` */
  readonly subject: string;
  /** Status of the answer; `null` without an answer. */
  readonly status: number | null;
  /** The receiver's code: `accepted`, `unauthorized`. `null` if the answer has none. */
  readonly code: string | null;
  /** Reason for a missing answer; `null` if there is an answer. */
  readonly error: DeliveryFailure | null;
  readonly answer: string;
  /** What Novita does next. */
  readonly next: string;
  /** What to check. Empty if a receiver acknowledged the delivery. */
  readonly advice: readonly string[];
}

/** Retries that Novita documents: https://novita.ai/docs/api-reference/model-apis-webhook */
const NOVITA_MAX_RETRIES = 5;
const MAX_DETAIL_CHARACTERS = 300;

interface AnswerBody {
  readonly code: string | null;
  readonly detail: string | null;
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Reads the body of a receiver's reply. Lets no control character through to the terminal. */
const readAnswerBody = (text: string): AnswerBody => {
  const body = parseJson(text);
  const { code, status, detail } = isObject(body) ? body : {};
  const found = [code, status].find((it) => typeof it === 'string' && /^[\w.-]{1,64}$/.test(it));
  return {
    code: typeof found === 'string' ? found : null,
    detail:
      typeof detail === 'string'
        ? detail.replace(/\p{C}/gu, ' ').slice(0, MAX_DETAIL_CHARACTERS)
        : null,
  };
};

const describeSubject = ({ kind, copy, attempt }: Delivery, { delaysMs }: RetryPlan): string => {
  if (kind === 'parallel') return `copy ${copy}, sent at the same time`;
  if (kind === 'duplicate') return `copy ${copy}, sent after the first 2xx`;
  if (kind === 'flip') return `copy ${copy}, with the opposite status`;
  if (kind === 'manual') return `copy ${copy}, sent by hand`;
  const again = kind === 'redelivery' ? 'sent again, ' : '';
  return delaysMs.length === 0
    ? `${again}attempt 1`
    : `${again}attempt ${attempt} of ${delaysMs.length + 1}`;
};

const successes: Readonly<Record<string, string>> = {
  accepted: 'The receiver has accepted the event. Novita is done with this task.',
  duplicate:
    'The receiver already had an event of this task. The first one counts, also if this one has another status. Novita is done with it.',
  ignored: 'The receiver does not keep this event. Novita is done with this task.',
};

const describeEnd = ({ attempt, taskId }: Delivery, { describeKept }: RetryPlan): string => {
  const end = `No retry is left after ${attempt} attempts. Novita gives up, and the event is lost.`;
  return describeKept === undefined ? end : `${end} ${describeKept(taskId)}`;
};

const describeFailedNext = (delivery: Delivery, plan: RetryPlan): string => {
  const { kind, attempt } = delivery;
  if (!isRetried(kind)) return 'The simulator does not retry copies.';
  const delayMs = plan.delaysMs[attempt - 1];
  if (delayMs !== undefined) return `Retry ${attempt} follows in ${delayMs} ms.`;
  return plan.isPerformed
    ? describeEnd(delivery, plan)
    : `Novita would deliver the event again, up to ${NOVITA_MAX_RETRIES} times, and then give up.`;
};

const describeNext = (delivery: Delivery, code: string | null, plan: RetryPlan): string =>
  isAcknowledged(delivery)
    ? (successes[code ?? ''] ?? 'A 2xx: Novita is done with this task.')
    : describeFailedNext(delivery, plan);

const hasToken = ({ searchParams }: URL): boolean => searchParams.has('token');

const adviseOnToken = (url: URL): string[] =>
  hasToken(url)
    ? [
        'The receiver did not accept the token of the URL. Check that:',
        '- its `secret` is the one that signed the URL: compare both values, and look for quotes, whitespace and a .env file that only one of the two processes reads;',
        "- its `endpoint` is that of the URL (default 'novita');",
        '- its `url` and this URL are of the same server, not of another one that uses the same port;',
        '- the URL has not expired (default after 7 days);',
        '- the task is not one of receiver.submit(), whose events come only with the URL of that call.',
      ]
    : [
        'The URL has no token, and a receiver with a secret rejects it. Use a URL of receiver.createCallback().',
        'The command `trigger` signs a URL with the secret in NOVITA_WEBHOOK_SECRET or --secret.',
      ];

const MAX_EXCERPT_CHARACTERS = 200;

/** The beginning of an answer that is no reply of a receiver, without HTML and control characters. */
const quoteBody = (body: string): string[] => {
  const text = body.replace(/<(style|title)[^]*?<\/\1>|<[^>]*>|&[a-z]+;|&#\d+;/g, ' ');
  const excerpt = text
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_EXCERPT_CHARACTERS);
  return excerpt === '' ? [] : [`The answer begins: ${excerpt}`];
};

/** An answer without a detail, which each reply of a receiver has: the request did not reach the receiver. */
const adviseOnForeignAnswer = (status: number): string =>
  status >= 500
    ? 'This is no reply of a receiver. Code of the server threw, or a proxy answered. Read the log of the server for the error, and look at the middleware before the webhooks.'
    : 'This is no reply of a receiver. Middleware before the webhooks answered, such as a login, a CSRF check or a body parser. Mount the webhooks before it.';

/** Development servers share few ports, so the wrong one often answers. */
const adviseOnOtherServer = ({ origin }: URL): string =>
  `This is no reply of a receiver. Check first that no other server listens on ${origin}.`;

/** A simulator may deliver to servers without this library: it says nothing for each event. */
const adviseOnSuccess = (code: string | null, { isPerformed }: RetryPlan, url: URL): string[] =>
  isPerformed || (code !== null && code in successes) ? [] : [adviseOnOtherServer(url)];

const adviseOnStatus = (status: number, url: URL): string[] => {
  if (status === 401) return adviseOnToken(url);
  if (status === 404) {
    return [
      `No route answers POST ${url.pathname}. Compare it with the path of the middleware, and mount that with app.post, not app.get. In Koa, look also for a middleware before it that does not await next().`,
    ];
  }
  if (status === 405) {
    return [`The server has ${url.pathname}, but not for POST. Use app.post, not app.get.`];
  }
  if (status >= 300 && status < 400) {
    return ['A redirect counts as a failure. Use the final address as `url` of the receiver.'];
  }
  return [];
};

const adviseOnAnswer = (status: number, body: string, url: URL): string[] => {
  const { detail } = readAnswerBody(body);
  const reported = detail === null ? [] : [`The receiver reports: ${detail}`];
  const known = adviseOnStatus(status, url);
  if (detail !== null) return [...reported, ...known];
  if (known.length > 0) return [adviseOnOtherServer(url), ...known];
  return [adviseOnForeignAnswer(status), ...quoteBody(body)];
};

const connectionAdvice: Readonly<Record<string, (url: URL) => string>> = {
  ECONNREFUSED: ({ origin }) => `Nothing listens there. Is your server running on ${origin}?`,
  ENOTFOUND: ({ hostname }) => `The name ${hostname} does not resolve. Check its spelling.`,
  ECONNRESET: () => 'The server closed the connection without an answer. Read its log.',
  EPROTO: ({ origin }) => `${origin} does not speak TLS. Try http:// instead of https://.`,
};

const adviseOnFailure = (error: DeliveryFailure, message: string, url: URL): string[] => {
  if (error === 'timeout') {
    return ['Novita waits 5 seconds. Answer first, and do slow work afterwards.'];
  }
  const advice = connectionAdvice[/^[A-Z_]+/.exec(message)?.[0] ?? '']?.(url);
  return advice === undefined ? [] : [advice];
};

const describeFailure = (error: DeliveryFailure, message: string): string =>
  error === 'connection' ? `no connection: ${message}` : message;

/** Describes a delivery: the answer, what Novita does next, and what to check. */
export const describeDelivery = (delivery: Delivery, plan: RetryPlan): DeliveryReport => {
  const { answer } = delivery;
  const url = new URL(delivery.url);
  const acknowledged = isAcknowledged(delivery);
  const subject = describeSubject(delivery, plan);
  if ('error' in answer) {
    const { error, message } = answer;
    return {
      acknowledged,
      subject,
      status: null,
      code: null,
      error,
      answer: describeFailure(error, message),
      next: describeNext(delivery, null, plan),
      advice: adviseOnFailure(error, message, url),
    };
  }
  const { code } = readAnswerBody(answer.body);
  return {
    acknowledged,
    subject,
    status: answer.status,
    code,
    error: null,
    answer: [answer.status, code].filter((part) => part !== null).join(' '),
    next: describeNext(delivery, code, plan),
    advice: acknowledged
      ? adviseOnSuccess(code, plan, url)
      : adviseOnAnswer(answer.status, answer.body, url),
  };
};
