// The applications that `serve` can run the receiver in.
import type { RequestListener } from 'node:http';

import type { Receiver } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';

import { loadExpress, loadFastify, loadKoa } from '../load-peer.ts';
import { answer } from './start-server.ts';

/** Mounts a receiver at a path of an application. */
type Mount = (path: string, receiver: Receiver) => Promise<RequestListener>;

const mountNode: Mount = async (path, receiver) => {
  const handle = toNodeHandler(receiver);
  return (request, response) => {
    const [pathname] = (request.url ?? '').split('?');
    if (pathname === path) void handle(request, response);
    else answer(response, 404, `not found. Deliveries go to ${path}`);
  };
};

const mountExpress: Mount = async (path, receiver) => {
  const { express, novitaWebhooks } = await loadExpress();
  const app = express();
  app.all(path, novitaWebhooks(receiver));
  return app;
};

const mountFastify: Mount = async (path, receiver) => {
  const { fastify, novitaWebhooks } = await loadFastify();
  const app = fastify();
  await app.register(novitaWebhooks, { path, receiver });
  await app.ready();
  return app.routing;
};

const mountKoa: Mount = async (path, receiver) => {
  const { Koa, novitaWebhooks } = await loadKoa();
  const app = new Koa();
  app.silent = true; // Koa prints a stack if a client goes away
  app.use(novitaWebhooks(receiver, { path }));
  const listener = app.callback();
  return (request, response) => void listener(request, response);
};

/** The name of a framework. */
export type Framework = 'node' | 'express' | 'fastify' | 'koa';

const MOUNTS: Readonly<Record<Framework, Mount>> = {
  node: mountNode,
  express: mountExpress,
  fastify: mountFastify,
  koa: mountKoa,
};

/** The names of all frameworks. */
export const FRAMEWORKS: readonly string[] = Object.keys(MOUNTS);

/**
 * Mounts a receiver in an application of a framework.
 *
 * @throws CommandError `unavailable` if the framework is not installed
 */
export const mountReceiver = (
  framework: Framework,
  path: string,
  receiver: Receiver,
): Promise<RequestListener> => MOUNTS[framework](path, receiver);
