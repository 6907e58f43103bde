// Sends inputs over sockets, and reads the replies.
import { createConnection, type Socket } from 'node:net';

import type { Input } from './requests.ts';
import { parseReplies, type Reply } from './reply-parser.ts';

/** What happened to one input. */
export interface Exchange {
  readonly replies: readonly Reply[];
  /** Bytes of the server that are no reply. */
  readonly rest: string;
  readonly end: 'reply' | 'closed' | 'timeout';
}

/** A client with at most one connection. Keeps it while the server does. */
export interface Client {
  send(input: Input): Promise<Exchange>;
  close(): void;
}

/** Far above every limit of the server: after it, the server has forgotten a connection. */
const TIMEOUT_MS = 15_000;

export function createClient(port: number): Client {
  let kept: Socket | undefined;

  async function open(): Promise<Socket> {
    const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
    socket.on('error', () => undefined); // the server may reset a connection
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    return socket;
  }

  return {
    async send(input) {
      const isOld = kept?.destroyed === false && input.after === 'keep';
      const socket = isOld && kept ? kept : await open();
      if (socket !== kept) kept?.destroy();
      kept = undefined;
      const exchange = await exchangeOn(socket, input);
      const { replies, rest, end } = exchange;
      const isIdle = end === 'reply' && !replies.some(({ closes }) => closes);
      if (input.after === 'keep' && isIdle) kept = socket;
      else socket.destroy();
      // A server may close a kept connection while the next request is on its way.
      if (isOld && end === 'closed' && replies.length === 0 && rest === '') return this.send(input);
      return exchange;
    },
    close: () => void kept?.destroy(),
  };
}

function exchangeOn(socket: Socket, input: Input): Promise<Exchange> {
  const toHead = input.bytes.subarray(0, 5).toString('latin1') === 'HEAD ';
  return new Promise((resolve) => {
    let received = '';
    let isDone = false;
    let isWritten = false;
    const finish = (end: Exchange['end']) => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      socket.removeAllListeners('data');
      socket.off('close', onClose);
      resolve({ ...parseReplies(received, end === 'closed', toHead), end });
    };
    const onClose = () => finish('closed');
    // A reply may come before the end of its request; the next one must not be sent into it.
    const onReply = () => {
      if (input.after === 'end' || !isWritten) return;
      if (parseReplies(received, false, toHead).replies.length > 0) finish('reply');
    };
    const timer = setTimeout(() => finish('timeout'), TIMEOUT_MS);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      onReply();
    });
    socket.on('close', onClose);
    if (socket.destroyed) onClose();
    else
      void write(socket, input).then(() => {
        isWritten = true;
        onReply();
      });
  });
}

async function write(socket: Socket, { bytes, pieces, after }: Input): Promise<void> {
  const size = Math.max(1, Math.ceil(bytes.length / pieces));
  for (let at = 0; at < bytes.length && !socket.destroyed; at += size) {
    socket.write(bytes.subarray(at, at + size));
    if (pieces > 1) await new Promise((resolve) => setImmediate(resolve));
  }
  if (after === 'end' && !socket.destroyed) socket.end();
}
