import { toNodeHandler } from '@novita-webhooks/core/node';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { control, readAddress } from '../control.ts';
import { fixtures } from '../fixtures.ts';

const handlers = new Map(
  Object.entries(fixtures).map(([name, { receiver }]) => [name, toNodeHandler(receiver)]),
);

const server = createServer((request, response) => {
  const address = readAddress(request.url ?? '');
  const handler = address?.what === 'webhooks' ? handlers.get(address.name) : undefined;
  if (handler) void handler(request, response);
  else if (address) void control(address).then((text) => response.end(text));
  else response.writeHead(404).end();
});

server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
