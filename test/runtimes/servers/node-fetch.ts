import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { fetchApp } from '../fetch-app.ts';

/** Node has Request and Response, but no server for them. This converts both. */
async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const response = await fetchApp(toRequest(incoming));
  const body = Buffer.from(await response.arrayBuffer());
  outgoing.writeHead(response.status, {
    ...Object.fromEntries(response.headers),
    'content-length': body.length,
    // The server does not read the rest of the request body.
    ...(incoming.complete ? {} : { connection: 'close' }),
  });
  outgoing.end(body);
}

function toRequest(incoming: IncomingMessage): Request {
  const { method = 'GET', headers, url = '/' } = incoming;
  const hasBody = method !== 'GET' && method !== 'HEAD';
  return new Request(`http://localhost${url}`, {
    method,
    headers: Object.entries(headers).map(([name, value]) => [name, String(value)]),
    ...(hasBody ? { body: toWebStream(incoming), duplex: 'half' } : {}),
  });
}

/** Replaces `Readable.toWeb`: in Node 20, cancelling it under load ends the process. */
function toWebStream(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let cancelled = false;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      incoming.pause();
      incoming.on('data', (chunk: Buffer) => {
        if (cancelled) return;
        controller.enqueue(chunk);
        incoming.pause();
      });
      incoming.on('end', () => cancelled || controller.close());
      incoming.on('error', (error) => cancelled || controller.error(error));
    },
    pull: () => void incoming.resume(),
    cancel() {
      cancelled = true;
      incoming.pause();
    },
  });
}

const server = createServer((incoming, outgoing) => void serve(incoming, outgoing));

server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
