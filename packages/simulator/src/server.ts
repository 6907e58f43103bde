import type { Server } from 'node:http';

import { answerRequest } from './answer-request.ts';
import { createErrorReply, writeReply } from './reply.ts';
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

/** Answers every request of the server. */
export const serve = (server: Server, state: State): void => {
  server.on('request', (request, response) => {
    void answerRequest(state, request)
      .catch(createErrorReply)
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
