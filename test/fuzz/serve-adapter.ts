// Starts a server for each adapter, as its own tests do.
import { getRequestListener } from '@hono/node-server';
import { toFetchHandler, type Receiver } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { novitaWebhooks as expressWebhooks } from '@novita-webhooks/express';
import type { AdapterSubject } from '@novita-webhooks/testing';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import * as express from '../../packages/express/test/express-server.ts';
import * as fastify from '../../packages/fastify/test/fastify-server.ts';
import * as koa from '../../packages/koa/test/koa-server.ts';
import type { Adapter } from './protocol.ts';

/** @returns the port on 127.0.0.1 */
export async function serveAdapter(adapter: Adapter, receiver: Receiver): Promise<number> {
  return servers[adapter](receiver);
}

const servers: Readonly<Record<Adapter, (receiver: Receiver) => Promise<number>>> = {
  node(receiver) {
    const handler = toNodeHandler(receiver);
    return listen((request, response) => void handler(request, response));
  },
  'express-4': (receiver) =>
    serveSubject(express.expressSubject(express.versions['Express 4'], expressWebhooks), receiver),
  'express-5': (receiver) =>
    serveSubject(express.expressSubject(express.versions['Express 5'], expressWebhooks), receiver),
  fastify: (receiver) =>
    serveSubject(
      fastify.fastifySubject(fastify.versions['Fastify 5'], fastify.mounts['a plugin']),
      receiver,
    ),
  koa: (receiver) =>
    serveSubject(
      koa.koaSubject(koa.versions['Koa 3'], koa.mounts['a path'], koa.bodyParsers['koa-body']),
      receiver,
    ),
  fetch(receiver) {
    const handler = toFetchHandler(receiver);
    const listener = getRequestListener((request) => handler(request));
    return listen((request, response) => void listener(request, response));
  },
};

async function serveSubject(subject: AdapterSubject, receiver: Receiver): Promise<number> {
  const { url } = await subject.serve(receiver, undefined);
  return Number(new URL(url).port);
}

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
