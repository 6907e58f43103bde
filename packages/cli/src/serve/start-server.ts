import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Receiver } from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import { CommandError, messageOf } from '@novita-webhooks/simulator/cli';

/** Where `serve` listens. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
}

/** Starts to listen and returns the server. `port` 0 takes a free one. */
export const listen = async (server: Server, { host, port }: ListenOptions): Promise<number> => {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const isInUse = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const advice = 'Stop the process that listens there, or pass another one with --port.';
    const message = isInUse ? `port ${port} is in use. ${advice}` : messageOf(cause);
    throw new CommandError('unavailable', message, { cause });
  }
  return (server.address() as AddressInfo).port;
};

const answer = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
};

const answerReady = async (receiver: Receiver, response: ServerResponse): Promise<void> => {
  const isReady = await receiver.inbox.stats().then(
    () => true,
    () => false,
  );
  if (isReady) answer(response, 200, 'ready');
  else answer(response, 503, 'the inbox cannot be used');
};

/**
 * Creates a server: deliveries at `path`, and for load balancers `/healthz` (the process runs) and
 * `/readyz` (the inbox can be used).
 */
export const createWebhookServer = (
  path: string,
  getReceiver: () => Receiver | undefined,
): Server => {
  const route = (request: IncomingMessage, response: ServerResponse): void => {
    const receiver = getReceiver();
    const [pathname] = (request.url ?? '').split('?');
    if (receiver === undefined) answer(response, 503, 'starting');
    else if (pathname === path) void handleNodeRequest(receiver, request, response);
    else if (pathname === '/healthz') answer(response, 200, 'ok');
    else if (pathname === '/readyz') void answerReady(receiver, response);
    else answer(response, 404, `not found. Deliveries go to ${path}`);
  };
  return createServer(route);
};

/** Stops listening. Idle connections are closed; the others end with their reply. */
export const closeServer = async (server: Server): Promise<void> => {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  await closed;
};
