import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What a network does to connections between a client and a server on 127.0.0.1. */
export interface TcpProxy {
  readonly port: number;
  /** Passes everything on. So it begins. */
  restore(): void;
  /** Resets what is connected, and refuses what comes. */
  cut(): void;
  /**
   * Half-open: connections stay, and new ones are accepted, but nothing gets through any more and
   * nobody is told. As when a firewall forgets a connection, or a host vanishes.
   */
  freeze(): void;
  close(): Promise<void>;
}

/** @param target port of the server */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  let state: 'open' | 'cut' | 'frozen' = 'open';
  const sockets = new Set<Socket>();

  const server = createServer((client) => {
    if (state === 'cut') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ port: target, host: '127.0.0.1', noDelay: true });
    client.setNoDelay();
    join(client, upstream);
    join(upstream, client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  function join(from: Socket, to: Socket): void {
    sockets.add(from);
    from.on('data', (chunk) => {
      if (state !== 'frozen') to.write(chunk); // what is swallowed is gone: a stream with a hole
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      if (state !== 'frozen') to.destroy();
    });
  }

  function resetAll(): void {
    for (const socket of sockets) socket.resetAndDestroy();
  }

  return {
    port: (server.address() as AddressInfo).port,
    restore() {
      if (state === 'frozen') resetAll(); // a stream with a hole is of no use to anybody
      state = 'open';
    },
    cut() {
      state = 'cut';
      resetAll();
    },
    freeze() {
      state = 'frozen';
    },
    async close() {
      state = 'open';
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
