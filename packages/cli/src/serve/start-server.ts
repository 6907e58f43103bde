import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Receiver } from '@novita-webhooks/core';
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

/** Answers with a line of text. */
export const answer = (response: ServerResponse, status: number, text: string): void => {
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

/** A receiver and the application that takes its deliveries. */
export interface MountedReceiver {
  readonly receiver: Receiver;
  readonly listener: RequestListener;
}

/**
 * Creates a server: `/healthz` (the process runs) and `/readyz` (the inbox can be used) for load balancers,
 * all else for the application. It answers 503 while there is none.
 */
export const createWebhookServer = (getMounted: () => MountedReceiver | undefined): Server =>
  createServer((request, response) => {
    const mounted = getMounted();
    const [pathname] = (request.url ?? '').split('?');
    if (mounted === undefined) answer(response, 503, 'starting');
    else if (pathname === '/healthz') answer(response, 200, 'ok');
    else if (pathname === '/readyz') void answerReady(mounted.receiver, response);
    else mounted.listener(request, response);
  });

/** Stops listening. Idle connections are closed; the others end with their reply. */
export const closeServer = async (server: Server): Promise<void> => {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  await closed;
};
