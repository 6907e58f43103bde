// Invokes the functions on this machine, as API Gateway v2 does. Do not deploy it.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

import { images, webhooks } from './functions.ts';

const { HOST = '127.0.0.1', PORT = '3000' } = process.env;
const routes = new Map([
  ['/images', images],
  ['/webhooks/novita', webhooks],
]);

async function invoke(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
  const body = await buffer(request);
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
  const event = {
    version: '2.0',
    rawPath: pathname,
    rawQueryString: search.slice(1),
    headers: Object.fromEntries(headers) as Record<string, string>,
    requestContext: { http: { method: request.method, path: pathname } },
    body: body.toString('base64'),
    isBase64Encoded: true,
  };
  const result = await routes.get(pathname)?.(event);
  if (result === undefined) response.writeHead(404).end();
  else response.writeHead(result.statusCode, result.headers).end(result.body);
}

const server = createServer((request, response) => {
  invoke(request, response).catch((error: unknown) => {
    console.error(error);
    response.writeHead(502).end(); // the answer of API Gateway if a function throws
  });
});
server.listen(Number(PORT), HOST, () => console.log(`listening at http://${HOST}:${PORT}`));

process.once('SIGTERM', () => server.close());
