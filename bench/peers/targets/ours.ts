import { createReceiver, memoryInbox, type Inbox, type Receiver } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { novitaWebhooks as expressWebhooks } from '@novita-webhooks/express';
import { novitaWebhooks as fastifyWebhooks } from '@novita-webhooks/fastify';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { novitaWebhooks as koaWebhooks } from '@novita-webhooks/koa';
import express from 'express';
import fastify from 'fastify';
import Koa from 'koa';

import { engines } from '../../lib/engines/index.ts';
import { SECRET } from '../secrets.ts';
import type { Framework, InboxName } from '../targets.ts';
import { listen, type OnEvent, type Started } from './listening.ts';

const PATH = '/webhooks/novita';

/** Our receiver with its defaults. @param location a file, a schema or a key prefix */
export async function startOurs(
  framework: Framework,
  inboxName: InboxName,
  location: string,
  onEvent: OnEvent,
): Promise<Started> {
  const receiver = createReceiver({
    url: `http://127.0.0.1${PATH}`,
    secret: SECRET,
    inbox: await openInbox(inboxName, location),
    logger: { debug: ignore, info: ignore, warn: console.warn, error: console.error },
  });
  receiver.onTaskSucceeded(async () => onEvent());
  const { url, ...server } = await mount[framework](receiver);
  const callbackUrl = await receiver.createCallbackUrl({ metadata: { orderId: 42 } });
  return {
    ...server,
    url: `${new URL(url).origin}${PATH}${new URL(callbackUrl).search}`,
    stop: () => receiver.close(),
  };
}

function ignore(): void {
  // Only problems matter here.
}

async function openInbox(name: InboxName, location: string): Promise<Inbox> {
  if (name === 'memory') return memoryInbox();
  if (name === 'sqlite') return sqliteInbox({ path: location, driver: 'libsql' });
  return (await engines[name].open(location)).inbox;
}

const mount: Readonly<Record<Framework, (receiver: Receiver) => Promise<Started>>> = {
  'node:http': (receiver) => {
    const handler = toNodeHandler(receiver);
    return listen((request, response) => void handler(request, response), 'novita');
  },
  express: (receiver) => {
    const app = express();
    app.post(PATH, expressWebhooks(receiver));
    return listen(app, 'novita');
  },
  async fastify(receiver) {
    const app = fastify();
    await app.register(fastifyWebhooks, { path: PATH, receiver });
    return { url: await app.listen({ host: '127.0.0.1', port: 0 }), scheme: 'novita' };
  },
  koa: (receiver) => {
    const app = new Koa();
    app.use(koaWebhooks(receiver, { path: PATH }));
    const callback = app.callback();
    return listen((request, response) => void callback(request, response), 'novita');
  },
};
