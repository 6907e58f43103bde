import type { Receiver } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { novitaWebhooks } from '@novita-webhooks/express';
import { novitaWebhooks as fastifyWebhooks } from '@novita-webhooks/fastify';
import express from 'express';
import fastify from 'fastify';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Framework } from './protocol.ts';

export const WEBHOOK_PATH = '/webhooks/novita';

/** A server on 127.0.0.1. */
export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

export async function listen(framework: Framework, receiver: Receiver): Promise<Listening> {
  switch (framework) {
    case 'express': {
      const app = express();
      app.post(WEBHOOK_PATH, novitaWebhooks(receiver));
      return listening(createServer(app));
    }
    case 'fastify': {
      const app = fastify();
      app.register(fastifyWebhooks, { path: WEBHOOK_PATH, receiver });
      await app.listen({ port: 0, host: '127.0.0.1' });
      const { port } = app.server.address() as AddressInfo;
      return { port, close: () => app.close() };
    }
    case 'node:http': {
      const handler = toNodeHandler(receiver);
      return listening(createServer((request, response) => void handler(request, response)));
    }
  }
}

async function listening(server: Server): Promise<Listening> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
