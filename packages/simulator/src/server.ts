import type { IncomingMessage, Server } from 'node:http';

import { answerRequest } from './answer-request.ts';
import { toApiError, type ApiError } from './api-error.ts';
import { callHook } from './call-hook.ts';
import type { RequestReport } from './options.ts';
import { createJsonReply, writeReply } from './reply.ts';
import type { State } from './state.ts';

/** Listens on 127.0.0.1 and resolves to the base URL. Rejects if the port is in use. */
export const listen = async (server: Server, port: number): Promise<string> => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('simulator: the server has no TCP address.');
  }
  return `http://127.0.0.1:${address.port}`;
};

const describeRejection = (
  { method = '', url = '' }: IncomingMessage,
  { status, reason, message }: ApiError,
): RequestReport => ({ method, path: url.replace(/\?.*/s, ''), status, reason, message });

const recordRejection = (state: State, report: RequestReport): void => {
  const { options, activity, rejections } = state;
  rejections.set(report.reason, (rejections.get(report.reason) ?? 0) + 1);
  callHook(options.onRequestRejected, report);
  activity.publish(() => ({ type: 'rejected', at: options.now(), request: report }));
};

/** Answers every request of the server. */
export const serve = (server: Server, state: State): void => {
  server.on('request', (request, response) => {
    void answerRequest(state, request)
      .catch((error: unknown) => {
        const apiError = toApiError(error);
        recordRejection(state, describeRejection(request, apiError));
        return { ...createJsonReply(apiError.body, apiError.status), headers: apiError.headers };
      })
      .then((reply) => writeReply(response, reply));
  });
};

/** Aborts tasks and deliveries, closes all connections, and resolves when they have ended. */
export const shutDown = async (server: Server, state: State): Promise<void> => {
  state.closing.abort(new Error('simulator: closed before the delivery started.'));
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await Promise.allSettled([closed, ...state.running]);
};
