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
  /** Connections that come from now on get through; what is frozen stays so for ever. */
  abandon(): void;
  /** Where connections that come from now on lead to: another server has taken over. */
  leadTo(target: number): void;
  close(): Promise<void>;
}

/** @param target port of the server */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  let state: 'open' | 'cut' | 'frozen' = 'open';
  let port = target;
  const sockets = new Set<Socket>();
  const abandoned = new WeakSet<Socket>();

  const server = createServer((client) => {
    if (state === 'cut') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
    client.setNoDelay();
    join(client, upstream);
    join(upstream, client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  function join(from: Socket, to: Socket): void {
    sockets.add(from);
    from.on('data', (chunk) => {
      // What is swallowed is gone: a stream with a hole.
      if (state !== 'frozen' && !abandoned.has(from)) to.write(chunk);
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      if (state !== 'frozen' && !abandoned.has(from)) to.destroy();
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
    abandon() {
      for (const socket of sockets) abandoned.add(socket);
      state = 'open';
    },
    leadTo(now) {
      port = now;
    },
    async close() {
      state = 'open';
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
