import type { IncomingMessage } from 'node:http';

import { ApiError, invalidRequest } from './api-error.ts';
import { mediaFiles } from './media-files.ts';
import { createResult } from './task-result.ts';
import { acceptTask } from './accept-task.ts';
import { toJson, toXml, type Reply } from './reply.ts';
import type { State } from './state.ts';

interface Call {
  readonly state: State;
  readonly request: IncomingMessage;
  readonly url: URL;
  /** What the groups of the route's pattern caught. */
  readonly matched: readonly string[];
}

interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: RegExp;
  readonly answer: (call: Call) => Reply | Promise<Reply>;
}

const authorize = ({ state, request }: Call): void => {
  const { apiKey } = state.options;
  const given = request.headers.authorization;
  if (apiKey === undefined || given === `Bearer ${apiKey}`) return;
  if (given) throw new ApiError(403, 'INVALID_API_KEY', 'invalid api-key', null);
  throw new ApiError(400, 'MISSING_API_KEY', 'missing api-key', null);
};

const submit = async (call: Call): Promise<Reply> => {
  authorize(call);
  const { state, request, matched } = call;
  const task = await acceptTask(state, matched[0] ?? '', request);
  return toJson({ task_id: task.id });
};

const taskResult = (call: Call): Reply => {
  authorize(call);
  const { tasks, links, options } = call.state;
  const id = call.url.searchParams.get('task_id');
  if (!id) throw invalidRequest('task_id is missing from the query string');
  const task = tasks.get(id);
  if (!task) throw new ApiError(404, 'TASK_NOT_FOUND', 'task not found');
  return toJson(createResult(task, links.sign, options.now()));
};

/** Serves a file to any link with a valid signature: only this simulator can have signed it. */
const file = ({ state, url, matched }: Call): Reply => {
  const refusal = state.links.refusal(url);
  if (refusal) return toXml(refusal, 403);
  const served = Object.values(mediaFiles).find(({ extension }) => extension === matched[0]);
  if (!served) throw new ApiError(404, 'NOT_FOUND', `no such file: ${url.pathname}`);
  return { status: 200, contentType: served.contentType, body: served.bytes };
};

const routes: readonly Route[] = [
  { method: 'GET', path: /^\/v3\/async\/task-result$/, answer: taskResult },
  {
    method: 'POST',
    path: /^\/v3\/async\/(?!task-result$)([\w.-]+(?:\/[\w.-]+)*)$/,
    answer: submit,
  },
  { method: 'POST', path: /^\/v3\/(video\/create)$/, answer: submit },
  { method: 'GET', path: /^\/files\/[\w-]+\/\d+\.(\w+)$/, answer: file },
];

/** Answers a request. Rejects with an ApiError for every refusal. */
export const answerRequest = async (state: State, request: IncomingMessage): Promise<Reply> => {
  const target = request.url ?? '';
  // Joined as text: resolved as a reference, `//host/path` would leave the simulator.
  const url = new URL(state.url + (target.startsWith('/') ? target : '/'));
  // Node leaves out the body of an answer to HEAD by itself.
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  for (const route of routes) {
    const match = route.method === method ? route.path.exec(url.pathname) : null;
    if (match) return route.answer({ state, request, url, matched: match.slice(1) });
  }
  throw new ApiError(404, 'NOT_FOUND', `no such route: ${request.method} ${url.pathname}`);
};
