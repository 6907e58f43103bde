import express from 'express';
import fastify from 'fastify';
import Koa from 'koa';
import type { IncomingMessage } from 'node:http';

import type { Framework } from '../targets.ts';
import { listen, type OnEvent, type Started } from './listening.ts';

/** Servers that only read the body, parse it and reply. */
export const bare: Readonly<Record<Framework, (onEvent: OnEvent) => Promise<Started>>> = {
  'node:http': (onEvent) =>
    listen((request, response) => {
      void readJson(request).then(() => {
        onEvent();
        response.setHeader('content-type', 'application/json').end('{"status":"ok"}');
      });
    }, 'novita'),
  express: (onEvent) => {
    const app = express();
    app.post('/', express.json(), (_request, response) => {
      onEvent();
      response.json({ status: 'ok' });
    });
    return listen(app, 'novita');
  },
  async fastify(onEvent) {
    const app = fastify();
    app.post('/', async () => {
      onEvent();
      return { status: 'ok' };
    });
    return { url: await app.listen({ host: '127.0.0.1', port: 0 }), scheme: 'novita' };
  },
  koa: (onEvent) => {
    const app = new Koa();
    app.use(async (context) => {
      await readJson(context.req);
      onEvent();
      context.body = { status: 'ok' };
    });
    const callback = app.callback();
    return listen((request, response) => void callback(request, response), 'novita');
  },
};

function readJson(request: IncomingMessage): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (text += chunk));
    request.on('end', () => resolve(JSON.parse(text)));
    request.on('error', reject);
  });
}
