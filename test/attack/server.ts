// The server that is attacked: node:http with the settings of SECURITY.md, events on disk.
import { createReceiver } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const [path = '', secret = ''] = process.argv.slice(2);
const receiver = createReceiver({
  url: 'http://127.0.0.1/webhooks/novita',
  secret,
  inbox: sqliteInbox({ path }),
  logger: false,
  onTaskFinished: () => undefined,
});
const handler = toNodeHandler(receiver);
const server = createServer(
  {
    headersTimeout: 5000,
    requestTimeout: 10_000,
    keepAliveTimeout: 5000,
    connectionsCheckingInterval: 1000,
    maxHeaderSize: 16_384,
  },
  (request, response) => void handler(request, response),
);
server.maxConnections = 2000;
server.listen(0, '127.0.0.1', 2048);
await once(server, 'listening');

let maxRss = 0;
setInterval(() => (maxRss = Math.max(maxRss, process.memoryUsage().rss)), 50);
process.on('disconnect', () => process.exit());
process.on('message', () => {
  void receiver.stats().then(({ replies, inbox }) => process.send?.({ replies, inbox, maxRss }));
});
process.send?.({ port: (server.address() as AddressInfo).port });
