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

const LISTEN_ERRORS: Readonly<Record<string, (options: ListenOptions) => string>> = {
  EADDRINUSE: ({ port }) =>
    `port ${port} is in use. Stop the process that listens there, or pass another one with --port.`,
  EACCES: ({ port }) => `this user may not listen on port ${port}. Pass one from 1024 with --port.`,
  EADDRNOTAVAIL: ({ host }) =>
    `${host} is no address of this machine. Pass one with --host, such as 127.0.0.1 or 0.0.0.0.`,
  ENOTFOUND: ({ host }) =>
    `the name ${host} does not resolve. Pass an address with --host, such as 127.0.0.1 or 0.0.0.0.`,
};

/** Starts to listen and returns the server. `port` 0 takes a free one. */
export const listen = async (server: Server, { host, port }: ListenOptions): Promise<number> => {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const describe = LISTEN_ERRORS[String((cause as NodeJS.ErrnoException).code)];
    const message = describe?.({ host, port }) ?? messageOf(cause);
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
