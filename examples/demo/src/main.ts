import { createSimulator, type Simulator } from '@novita-webhooks/simulator';
import { Listr } from 'listr2';
import colors from 'picocolors';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { castRoles, type Role } from './tasks.ts';
import { checkClaims } from './checks.ts';
import { readFromDisk } from './read-states.ts';
import { sentAndSeen, verdict } from './report.ts';
import { startServer, type DemoServer } from './server.ts';
import { intrude, type Intrusion } from './bad-deliveries.ts';

const TASKS = 300;
const DEADLINE_MS = 30_000;

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });

const simulator = await createSimulator({ retry: { delayMs: (retry) => 200 * retry } });
const folder = mkdtempSync(join(tmpdir(), 'novita-demo-'));
const path = join(folder, 'webhooks.db');
const server = await startServer(path);
const roles = new Map<string, Role>();
const intrusions: Intrusion[] = [];

const watchdog = setTimeout(() => {
  console.error(`The demo did not come to an end within ${DEADLINE_MS / 1000} s.`);
  process.exit(1);
}, DEADLINE_MS);

await new Listr(
  [
    {
      title: `A local Novita at ${simulator.url}, an Express server beside it, its inbox in ${path}`,
      task: () => undefined,
    },
    {
      title: `Submit ${TASKS} tasks of all kinds`,
      task: () => submitAll(simulator, server),
    },
    {
      title: 'Slip in forged and malformed deliveries',
      async task() {
        const [taskId = ''] = roles.keys();
        const { url } = await server.receiver.createCallback();
        for (let round = 0; round < 5; round += 1) intrusions.push(...(await intrude(url, taskId)));
      },
    },
    {
      title: 'Deliver, repeat, handle, try again',
      task: (_, task) => waitUntilQuiet((line) => (task.output = line)),
      rendererOptions: { persistentOutput: true },
    },
  ],
  { concurrent: false, fallbackRenderer: 'simple' },
).run();
clearTimeout(watchdog);

const story = { roles, simulator, server, intrusions, onDisk: await readFromDisk(path) };
const claims = checkClaims(story);
console.log(`\n${await sentAndSeen(story)}\n\n${verdict(claims)}\n`);
if (values.keep) await keepRunning();
await server.close();
await simulator.close();
rmSync(folder, { recursive: true });
process.exitCode = claims.every(({ exceptions }) => exceptions.length === 0) ? 0 : 1;

async function submitAll({ submit }: Simulator, { receiver }: DemoServer): Promise<void> {
  for (const role of castRoles(TASKS)) {
    const metadata = { order: role.number, temper: role.temper };
    const { testMode } = role;
    const webhook = await receiver.createCallback({ metadata, ...(testMode ? { testMode } : {}) });
    const { task_id } = await submit(role.endpoint, { extra: { webhook } }, role.plan);
    roles.set(task_id, role);
  }
}

/** Ends when Novita has nothing left to deliver and the inbox has nothing left to do. */
async function waitUntilQuiet(show: (line: string) => void): Promise<void> {
  const idle = simulator.idle().then(() => 'idle' as const);
  for (let look = 0; ; look += 1) {
    const pause = new Promise<'busy'>((resolve) => setTimeout(() => resolve('busy'), 50));
    const novita = await Promise.race([idle, pause]);
    const { pending, running, done, dead } = await server.receiver.inbox.stats();
    const toDo = pending + running;
    const isQuiet = novita === 'idle' && toDo === 0;
    if (process.stdout.isTTY || look % 20 === 0 || isQuiet) {
      const delivered = simulator.deliveries().length;
      show(`${delivered} deliveries · ${done} handled · ${toDo} to do · ${dead} dead letters`);
    }
    if (isQuiet) return;
    await pause;
  }
}

async function keepRunning(): Promise<void> {
  const { url } = await server.receiver.createCallback({
    expiresInMs: Infinity,
    metadata: { by: 'hand' },
  });
  server.receiver.onTaskFinished(({ task }, { metadata }) =>
    console.log(`handled ${task.task_id} (${task.status})`, metadata),
  );
  const event = {
    event_type: 'ASYNC_TASK_RESULT',
    payload: { task: { task_id: 'by-hand-1', status: 'TASK_STATUS_SUCCEED' }, images: [] },
  };
  console.log(`Still running. Deliver an event by hand; the same task id again is a duplicate:

  ${colors.cyan(`curl -i '${url}' -H 'content-type: application/json' -d '${JSON.stringify(event)}'`)}

Ctrl-C ends it.`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}
