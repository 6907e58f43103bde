import type { IncomingMessage } from 'node:http';

import { acceptTask } from './accept-task.ts';
import { ApiError, invalidRequest } from './api-error.ts';
import { answerControl } from './control.ts';
import { matchesEndpoint } from './endpoints.ts';
import { mediaFiles } from './media-files.ts';
import { createJsonReply, createLinkReply, type Reply } from './reply.ts';
import type { ResolvedOptions } from './options.ts';
import type { State } from './state.ts';
import type { Task } from './task.ts';
import { createTaskResult } from './task-result.ts';

interface Call {
  readonly state: State;
  readonly request: IncomingMessage;
  readonly url: URL;
  /** First group of the route's path. */
  readonly match: string;
}

interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: RegExp;
  readonly answer: (call: Call) => Reply | Promise<Reply>;
}

const readKey = ({ headers }: IncomingMessage): string =>
  headers.authorization?.replace(/^Bearer /i, '') ?? '';

/** Accepts the key after `Bearer`, as documented, and alone, as novita-sdk sends it. */
const authorize = ({ state, request }: Call): void => {
  const { apiKey } = state.options;
  const key = readKey(request);
  if (apiKey === undefined || key === apiKey) return;
  if (key !== '') throw new ApiError(403, 'INVALID_API_KEY', 'invalid api-key', null);
  throw new ApiError(400, 'MISSING_API_KEY', 'missing api-key', null);
};

/** Novita documents the reason, and neither the limits nor `Retry-After`. */
const limitRate = ({ state, request }: Call): void => {
  const waitMs = state.rateLimiter(readKey(request));
  if (waitMs === undefined) return;
  const headers = { 'retry-after': String(Math.ceil(waitMs / 1000)) };
  throw new ApiError(429, 'RATE_LIMIT_EXCEEDED', 'rate limit exceeded', {}, headers);
};

/** Novita documents no answer of an endpoint that it has retired. */
const requireLive = ({ state, match }: Call): void => {
  if (!matchesEndpoint(state.options.retiredEndpoints, match)) return;
  throw new ApiError(404, 'ENDPOINT_RETIRED', `the endpoint ${match} has been retired`);
};

const answerSubmit = async (call: Call): Promise<Reply> => {
  authorize(call);
  limitRate(call);
  requireLive(call);
  const task = await acceptTask(call.state, call.match, call.request);
  return createJsonReply({ task_id: task.id });
};

const isExpired = ({ finishedAt = Infinity }: Task, { retentionMs, now }: ResolvedOptions) =>
  retentionMs !== undefined && now() >= finishedAt + retentionMs;

const answerTaskResult = (call: Call): Reply => {
  authorize(call);
  limitRate(call);
  const { tasks, links, options } = call.state;
  const id = call.url.searchParams.get('task_id');
  if (!id) throw invalidRequest('task_id is missing from the query string');
  const task = tasks.get(id);
  if (!task || isExpired(task, options)) {
    throw new ApiError(404, 'TASK_NOT_FOUND', 'task not found');
  }
  return createJsonReply(createTaskResult(task, links.sign, options.now()));
};

const answerSample = ({ url, match }: Call): Reply => {
  const file = Object.values(mediaFiles).find(({ extension }) => extension === match);
  if (!file) throw new ApiError(404, 'NOT_FOUND', `no such file: ${url.pathname}`);
  return { status: 200, contentType: file.contentType, body: file.bytes };
};

/** Answers without looking up the task: the simulator signs links of its own tasks only. */
const answerFile = (call: Call): Reply => {
  const rejection = call.state.links.verify(call.url);
  return rejection ? createLinkReply(rejection) : answerSample(call);
};

/** Requests for the simulator itself. A web page must not send them: browsers add `origin`. */
const answerOwn = (call: Call): Reply | Promise<Reply> => {
  authorize(call);
  const { request, state, url, match } = call;
  if (request.headers.origin !== undefined) {
    throw new ApiError(403, 'CROSS_ORIGIN', 'a web page cannot control the simulator');
  }
  return answerControl(state, match, url.searchParams);
};

const routes: readonly Route[] = [
  { method: 'GET', path: /^\/simulator\/(report|tasks|deliveries)$/, answer: answerOwn },
  { method: 'POST', path: /^\/simulator\/(redeliver|break-next)$/, answer: answerOwn },
  { method: 'GET', path: /^\/v3\/async\/(task-result)$/, answer: answerTaskResult },
  {
    method: 'POST',
    path: /^\/v3\/async\/(?!task-result$)([\w.-]+(?:\/[\w.-]+)*)$/,
    answer: answerSubmit,
  },
  { method: 'POST', path: /^\/v3\/(video\/create)$/, answer: answerSubmit },
  { method: 'GET', path: /^\/files\/[\w-]+\/\d+\.(\w+)$/, answer: answerFile },
  // Links in the events of the command `trigger`, which has no files of its own.
  { method: 'GET', path: /^\/samples\/[^/]+\/\d+\.(\w+)$/, answer: answerSample },
];

/**
 * Answers a request.
 *
 * @throws {ApiError} when the request is rejected; `server.ts` turns it into a reply
 */
export const answerRequest = async (state: State, request: IncomingMessage): Promise<Reply> => {
  const target = request.url ?? '';
  // Concatenates: `new URL('//host/path', base)` would replace the host of the simulator.
  const url = new URL(state.url + (target.startsWith('/') ? target : '/'));
  // A base URL with a trailing slash gives `//v3`. Novita's own SDK does not remove the slash.
  const path = url.pathname.replace(/^\/+/, '/');
  // Node omits the body of the response to a HEAD request.
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  for (const route of routes) {
    const match = route.method === method ? route.path.exec(path)?.[1] : undefined;
    if (match !== undefined) return route.answer({ state, request, url, match });
  }
  throw new ApiError(404, 'NOT_FOUND', `no such route: ${request.method} ${url.pathname}`);
};
