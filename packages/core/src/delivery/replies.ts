import type { ReplyCode } from '../shared/errors.ts';
import type { WebhookReply } from './request.ts';

interface ReplyTemplate {
  readonly status: number;
  /** Title and detail of an error. A reply without it is a success. */
  readonly problem?: readonly [title: string, detail: string];
  readonly headers?: Readonly<Record<string, string>>;
  readonly close?: boolean;
}

const ok: ReplyTemplate = { status: 200 };

const tryAgain = (why: string): ReplyTemplate => ({
  status: 503,
  problem: ['Service Unavailable', `${why} Deliver the event again later.`],
  headers: { 'retry-after': '5' },
});

/**
 * All replies by their code. They are constants, so no value of a request, path or stack can get into
 * a reply.
 */
const templates: Readonly<Record<ReplyCode, ReplyTemplate>> = {
  accepted: ok,
  duplicate: ok,
  ignored: ok,
  method_not_allowed: {
    status: 405,
    problem: [
      'Method Not Allowed',
      'Webhooks are delivered with POST. Mount this endpoint for POST: app.post, not app.get.',
    ],
    headers: { allow: 'POST' },
  },
  unauthorized: {
    status: 401,
    problem: [
      'Unauthorized',
      'The callback URL carries no valid token. Callback URLs come from receiver.createCallback().',
    ],
    headers: { 'www-authenticate': 'CallbackToken realm="webhooks"' },
    close: true, // always: a 401 must not reveal how much of the body has arrived
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
      'Other code consumed the request body before this endpoint and kept nothing. ' +
        'Mount the webhook middleware before that code, or keep the body: as req.body or ' +
        'req.rawBody in Node, or by reading request.clone() with fetch requests.',
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
  // The rest of the body is not read.
  overloaded: { ...tryAgain('This endpoint holds too many bodies.'), close: true },
  inbox_full: tryAgain('The inbox is full.'),
  inbox_unavailable: tryAgain('The event could not be stored.'),
  reply_timeout: tryAgain('The event was not stored in time.'),
  not_handled: tryAgain('The event was not handled.'),
  closing: tryAgain('This endpoint is shutting down.'),
};

/** The body of an error follows RFC 9457. */
function toReply([code, template]: [string, ReplyTemplate]): [string, WebhookReply] {
  const { status, problem, headers, close = false } = template;
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

/** All replies, serialised. */
export const replies = Object.fromEntries(Object.entries(templates).map(toReply)) as Readonly<
  Record<ReplyCode, WebhookReply>
>;

/** Whether an error code is that of a reply. */
export function isReplyCode(code: string): code is ReplyCode {
  return Object.hasOwn(replies, code);
}
