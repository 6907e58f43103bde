import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { runProgram } from './support/program.ts';

/** Accepts connections, counts them, and never answers. */
async function startSilentServer(): Promise<{ readonly port: number; connections(): number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    onTestFinished(() => void socket.destroy());
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

test.each(['memory', 'sqlite', 'postgres', 'bullmq'])(
  'a program that only mints URLs ends by itself with the inbox: %s',
  async (engine) => {
    const { port, connections } = await startSilentServer();
    const folder = mkdtempSync(join(tmpdir(), 'novita-mint-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'inbox.db');
    const program = runProgram('test', 'support/mint-only.ts', {
      env: { MINT: `${engine} ${port} ${path}` },
    });
    onTestFinished(() => program.kill());
    await expect(program.line(/^never printed$/)).rejects.toThrow(/exited with 0;/);
    expect(program.lines).toEqual([expect.stringMatching(/^https:\/\/example\.com\//)]);
    expect(connections()).toBe(0);
    expect(existsSync(path)).toBe(false);
  },
  60_000,
);

test('a worker that forgets start() ends by itself, and says why', async () => {
  const program = runProgram('test', 'support/worker-without-start.ts', {
    env: { INBOX: join(tmpdir(), 'never-created.db') },
  });
  onTestFinished(() => program.kill());
  await expect(program.line(/^never printed$/)).rejects.toThrow(/exited with 0;/);
  expect(program.lines).toEqual([expect.stringContaining('Call receiver.start() in a worker')]);
}, 60_000);
