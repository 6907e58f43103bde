import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** The address that Sender knows: in front of the servers, as a load balancer is. */
export interface Door {
  readonly url: string;
  /** To where connections are passed on from now on, in turn. Without any they are refused. */
  leadTo(ports: readonly number[]): void;
  close(): Promise<void>;
}

/** Passes on bytes and understands none of them: what is acknowledged is up to the servers. */
export async function openDoor(): Promise<Door> {
  let ports: readonly number[] = [];
  let turn = 0;
  const sockets = new Set<Socket>();

  const server = createServer((outside) => {
    turn += 1;
    const port = ports[turn % ports.length];
    if (port === undefined) {
      outside.on('error', () => undefined);
      outside.resetAndDestroy();
      return;
    }
    const inside = connect({ port, host: '127.0.0.1', noDelay: true });
    outside.setNoDelay();
    join(outside, inside);
    join(inside, outside);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  function join(from: Socket, to: Socket): void {
    sockets.add(from);
    from.pipe(to);
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo(now) {
      ports = now;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
