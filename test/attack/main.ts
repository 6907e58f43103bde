// Sends honest deliveries while a second process attacks the server, and prints how they fared.
//   npm run attack
//   npm run attack -- --seconds 10 --rate 100 --quiet      without the attack
// Options: --seconds (60), --rate of honest deliveries a second (200), --quiet.
import { createReceiver } from '@novita-webhooks/core';
import { sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { bundleProgram } from '../support/bundle-program.ts';
import { root } from '../support/workspace.ts';

/** Novita waits that long for an answer. */
const TIMEOUT_MS = 5000;
const MAX_RSS_BYTES = 300_000_000;

interface ServerFigures {
  readonly replies: Readonly<Record<string, number>>;
  readonly inbox: unknown;
  readonly maxRss: number;
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '200' },
    quiet: { type: 'boolean', default: false },
  },
});
const [seconds, rate] = [Number(values.seconds), Number(values.rate)];
if (!(seconds > 0 && rate > 0)) throw new Error('attack: --seconds and --rate must be above 0');

await mkdir(join(root, '.cache'), { recursive: true });
const folder = await mkdtemp(join(root, '.cache/attack-'));
const children: ChildProcess[] = [];
try {
  await main();
} finally {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const program = await bundleProgram(new URL('server.ts', import.meta.url), folder, ['libsql']);
  const server = start(program, [join(folder, 'attacked.db'), TEST_SECRET]);
  const [{ port }] = (await once(server, 'message')) as [{ port: number }];
  const url = `http://127.0.0.1:${port}/webhooks/novita`;
  const receiver = createReceiver({ url, secret: TEST_SECRET, logger: false });
  const leaked = new URL(await receiver.createCallbackUrl());
  if (!values.quiet) {
    const attacker = new URL('attacker.ts', import.meta.url).pathname;
    start(attacker, [String(port), leaked.pathname + leaked.search, leaked.pathname]);
    await pause(3000); // until the attack is in full swing
  }
  const sent: Promise<Honest>[] = [];
  const startedAt = performance.now();
  for (let index = 0; index < seconds * rate; index += 1) {
    const waitMs = startedAt + (index * 1000) / rate - performance.now();
    if (waitMs > 1) await pause(waitMs);
    sent.push(deliver(await receiver.createCallbackUrl(), `honest-${index}`));
  }
  const honest = await Promise.all(sent);
  server.send('figures');
  const [figures] = (await once(server, 'message')) as [ServerFigures];
  print(honest, figures);
}

function start(program: string, args: readonly string[]): ChildProcess {
  const execArgv = program.endsWith('.ts') ? ['--import', 'tsx'] : [];
  const child = fork(program, args, { execArgv, env: { ...process.env, NODE_OPTIONS: '' } });
  children.push(child);
  return child;
}

interface Honest {
  readonly ms: number;
  readonly outcome: string;
}

/** On a connection of its own, as from a sender that has not called for a while. */
function deliver(url: string, taskId: string): Promise<Honest> {
  const startedAt = performance.now();
  const body = JSON.stringify(sampleEvents.imageSucceeded({ taskId }));
  return new Promise((resolve) => {
    const end = (outcome: string) => resolve({ ms: performance.now() - startedAt, outcome });
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const outgoing = request(url, { method: 'POST', headers, agent: false, timeout: TIMEOUT_MS });
    outgoing.on('response', (response) => {
      response.resume().on('end', () => end(String(response.statusCode)));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.on('error', ({ message }) => end(message));
    outgoing.end(body);
  });
}

function print(honest: readonly Honest[], { replies, inbox, maxRss }: ServerFigures): void {
  const inTime = honest.filter(({ outcome, ms }) => outcome === '200' && ms < TIMEOUT_MS);
  const times = honest.map(({ ms }) => ms).sort((one, other) => one - other);
  const at = (share: number) => (times[Math.floor(share * (times.length - 1))] ?? 0).toFixed(0);
  const outcomes: Record<string, number> = {};
  for (const { outcome } of honest) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  console.log(`honest: ${inTime.length} of ${honest.length} acknowledged within 5 s`, outcomes);
  console.log(`answers: median ${at(0.5)} ms, 99 % ${at(0.99)} ms, slowest ${at(1)} ms`);
  console.log(`server: highest RSS ${(maxRss / 1e6).toFixed(0)} MB; inbox`, inbox);
  console.log('replies:', replies);
  if (inTime.length < honest.length || maxRss > MAX_RSS_BYTES) {
    console.log('✘ every honest delivery must be acknowledged within 5 s, and RSS be under 300 MB');
    process.exitCode = 1;
  }
}
