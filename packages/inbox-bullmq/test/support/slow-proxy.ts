import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';

/** A link to a server on 127.0.0.1 on which little gets through at a time. */
export async function startSlowProxy(
  target: number,
  bytesPerMs: number,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    upstream.pipe(client);
    client.on('data', (chunk) => {
      client.pause();
      upstream.write(chunk);
      setTimeout(() => client.resume(), chunk.length / bytesPerMs);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
}
