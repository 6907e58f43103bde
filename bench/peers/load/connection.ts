import type { Buffer } from 'node:buffer';
import { connect } from 'node:net';

/** One keep-alive connection with one request at a time. */
export interface Connection {
  /** Resolves to the status; 0 if the connection ended before the reply. */
  send(request: Buffer): Promise<number>;
  end(): void;
}

/** Writes prepared bytes and reads little of the replies, so that the load process is no limit. */
export async function openConnection(url: URL): Promise<Connection> {
  const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
  let received = '';
  let resolve: (status: number) => void = () => undefined;
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    received += text;
    const status = statusOf(received);
    if (status === undefined) return;
    received = '';
    resolve(status);
  });
  socket.on('error', () => resolve(0));
  socket.on('close', () => resolve(0));
  await new Promise((onConnect) => socket.once('connect', onConnect));
  return {
    send(request) {
      const status = new Promise<number>((onStatus) => (resolve = onStatus));
      socket.write(request);
      return status;
    },
    end: () => void socket.destroy(),
  };
}

/** `undefined` until the reply is complete. */
function statusOf(reply: string): number | undefined {
  const end = reply.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const length = /\r\ncontent-length: (\d+)/i.exec(reply.slice(0, end))?.[1];
  const isComplete =
    length === undefined
      ? reply.endsWith('0\r\n\r\n') // chunked
      : reply.length >= end + 4 + Number(length);
  return isComplete ? Number(reply.slice(9, 12)) : undefined;
}
