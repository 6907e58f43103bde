import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A proxy on 127.0.0.1 that passes bytes on unread, and simulates network faults. */
export interface TcpProxy {
  readonly port: number;
  /** Passes all traffic on. This is the initial state. */
  restore(): void;
  /** Resets open connections and refuses new ones. */
  cut(): void;
  /**
   * Keeps open connections and accepts new ones, but drops all bytes without an error. A firewall
   * that forgets a connection and a host that disappears look like this (half-open connections).
   */
  freeze(): void;
  /** Passes new connections on. Connections that were open before stay frozen. */
  abandon(): void;
  /** Sends new connections to these ports, in turn. Without a port, the proxy refuses them. */
  setTargets(...ports: readonly number[]): void;
  close(): Promise<void>;
}

export interface TcpProxyOptions {
  /** Limits what a client can send, in bytes per millisecond. Default: no limit. */
  readonly bytesPerMs?: number;
}

/** @param targets ports of the servers on 127.0.0.1 */
export async function startTcpProxy(
  targets: number | readonly number[],
  { bytesPerMs = Infinity }: TcpProxyOptions = {},
): Promise<TcpProxy> {
  let state: 'open' | 'cut' | 'frozen' = 'open';
  let ports: readonly number[] = typeof targets === 'number' ? [targets] : targets;
  let connections = 0;
  const sockets = new Set<Socket>();
  const abandoned = new WeakSet<Socket>();

  const server = createServer((client) => {
    connections += 1;
    const port = ports[connections % ports.length];
    if (state === 'cut' || port === undefined) {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
    client.setNoDelay();
    forward(client, upstream, bytesPerMs);
    forward(upstream, client, Infinity);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  function forward(from: Socket, to: Socket, rate: number): void {
    const isForwarding = () => state !== 'frozen' && !abandoned.has(from);
    sockets.add(from);
    from.on('data', (chunk) => {
      if (isForwarding()) to.write(chunk);
      if (rate === Infinity) return;
      from.pause();
      setTimeout(() => from.resume(), chunk.length / rate);
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      if (isForwarding()) to.destroy();
    });
  }

  function resetAll(): void {
    for (const socket of sockets) socket.resetAndDestroy();
  }

  return {
    port: (server.address() as AddressInfo).port,
    restore() {
      if (state === 'frozen') resetAll(); // bytes are missing: these streams cannot continue
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
    setTargets(...now) {
      ports = now;
    },
    async close() {
      state = 'open';
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
