import type { Server } from 'node:http';

import { toErrorReply, writeReply } from './reply.ts';
import { answerRequest } from './answer-request.ts';
import type { State } from './state.ts';

/** Resolves to the address. Rejects when the port is taken. */
export const listen = async (server: Server, port: number): Promise<string> => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP');
  return `http://127.0.0.1:${address.port}`;
};

export const serve = (server: Server, state: State): void => {
  server.on('request', (request, response) => {
    void answerRequest(state, request)
      .catch(toErrorReply)
      .then((reply) => writeReply(response, reply));
  });
};

/** Ends what is under way, and resolves when nothing of the simulator is left. */
export const shutDown = async (server: Server, state: State): Promise<void> => {
  state.closing.abort(new Error('the simulator was closed'));
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await Promise.allSettled([closed, ...state.work]);
};
