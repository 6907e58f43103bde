import type { ReplyCode } from '../shared/errors.ts';
import type { WebhookReply } from './request.ts';

interface Answer {
  readonly status: number;
  /** For an error: what the sender is told. Without one the answer is a success. */
  readonly problem?: readonly [title: string, detail: string];
  readonly headers?: Readonly<Record<string, string>>;
  readonly close?: boolean;
}

const ok: Answer = { status: 200 };

const tryAgain = (why: string): Answer => ({
  status: 503,
  problem: ['Service Unavailable', `${why} Deliver the event again later.`],
  headers: { 'retry-after': '5' },
});

/**
 * Every answer there is, by its code. They are constants: nothing of a request, no path and no
 * stack can get into one.
 */
const answers: Readonly<Record<ReplyCode, Answer>> = {
  accepted: ok,
  duplicate: ok,
  ignored: ok,
  method_not_allowed: {
    status: 405,
    problem: ['Method Not Allowed', 'Webhooks are delivered with POST.'],
    headers: { allow: 'POST' },
  },
  unauthorized: {
    status: 401,
    problem: ['Unauthorized', 'The callback URL carries no valid token.'],
    headers: { 'www-authenticate': 'CallbackToken realm="webhooks"' },
    close: true, // always, so that all 401s are alike, however much of the body has come
  },
  body_too_large: {
    status: 413,
    problem: ['Content Too Large', 'The body is larger than this endpoint accepts.'],
    close: true,
  },
  body_too_slow: {
    status: 408,
    problem: ['Request Timeout', 'The body took longer than this endpoint waits.'],
    close: true,
  },
  body_incomplete: {
    status: 400,
    problem: ['Bad Request', 'The body ended before it was complete.'],
    close: true,
  },
  body_already_read: {
    status: 500,
    problem: [
      'Internal Server Error',
      'Something mounted before this endpoint read the request body and kept nothing of it. ' +
        'Mount the webhook middleware before that line, or keep the body as req.body or req.rawBody.',
    ],
  },
  unsupported_media_type: {
    status: 415,
    problem: [
      'Unsupported Media Type',
      'The body must be JSON in UTF-8 without a content encoding.',
    ],
  },
  invalid_json: {
    status: 400,
    problem: [
      'Bad Request',
      'The body must be one JSON object in UTF-8, without poisoned keys and not deeply nested.',
    ],
  },
  missing_event_type: {
    status: 422,
    problem: ['Unprocessable Content', 'The event has no event_type.'],
  },
  missing_task_id: {
    status: 422,
    problem: ['Unprocessable Content', 'The event has no usable payload.task.task_id.'],
  },
  inbox_full: tryAgain('The inbox is full.'),
  inbox_unavailable: tryAgain('The event could not be kept.'),
  reply_timeout: tryAgain('The event was not kept in time.'),
  not_handled: tryAgain('The event was not handled.'),
  closing: tryAgain('This endpoint is shutting down.'),
};

/** Errors follow RFC 9457. */
function toReply([code, answer]: [string, Answer]): [string, WebhookReply] {
  const { status, problem, headers, close = false } = answer;
  const type = problem ? 'application/problem+json' : 'application/json';
  const body = problem
    ? { type: 'about:blank', title: problem[0], status, code, detail: problem[1] }
    : { status: code };
  return [
    code,
    {
      status,
      headers: { 'content-type': type, 'cache-control': 'no-store', ...headers },
      body: JSON.stringify(body),
      close,
    },
  ];
}

/** Every reply, ready to send. */
export const replies = Object.fromEntries(Object.entries(answers).map(toReply)) as Readonly<
  Record<ReplyCode, WebhookReply>
>;

/** Whether an error code has a reply of its own. */
export function isReplyCode(code: string): code is ReplyCode {
  return Object.hasOwn(replies, code);
}
