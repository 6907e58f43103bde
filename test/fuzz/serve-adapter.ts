// Starts a server for each adapter, as its own tests do.
import { getRequestListener } from '@hono/node-server';
import { toFetchHandler, type Receiver } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import type { AdapterSubject } from '@novita-webhooks/testing';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Adapter } from './protocol.ts';

/** @returns the port on 127.0.0.1 */
export async function serveAdapter(adapter: Adapter, receiver: Receiver): Promise<number> {
  return servers[adapter](receiver);
}

/** Each imports its framework only when it is used, so that a process starts fast. */
const servers: Readonly<Record<Adapter, (receiver: Receiver) => Promise<number>>> = {
  node(receiver) {
    const handler = toNodeHandler(receiver);
    return listen((request, response) => void handler(request, response));
  },
  'express-4': (receiver) => serveExpress('Express 4', receiver),
  'express-5': (receiver) => serveExpress('Express 5', receiver),
  async fastify(receiver) {
    const { fastifySubject, versions, mounts } =
      await import('../../packages/fastify/test/fastify-server.ts');
    return serveSubject(fastifySubject(versions['Fastify 5'], mounts['a plugin']), receiver);
  },
  async koa(receiver) {
    const { koaSubject, versions, mounts, bodyParsers } =
      await import('../../packages/koa/test/koa-server.ts');
    const subject = koaSubject(versions['Koa 3'], mounts['a path'], bodyParsers['koa-body']);
    return serveSubject(subject, receiver);
  },
  fetch(receiver) {
    const handler = toFetchHandler(receiver);
    const listener = getRequestListener((request) => handler(request));
    return listen((request, response) => void listener(request, response));
  },
};

async function serveExpress(
  version: 'Express 4' | 'Express 5',
  receiver: Receiver,
): Promise<number> {
  const { expressSubject, versions } =
    await import('../../packages/express/test/express-server.ts');
  const { novitaWebhooks } = await import('@novita-webhooks/express');
  return serveSubject(expressSubject(versions[version], novitaWebhooks), receiver);
}

async function serveSubject(subject: AdapterSubject, receiver: Receiver): Promise<number> {
  const { url } = await subject.serve(receiver, undefined);
  return Number(new URL(url).port);
}

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
