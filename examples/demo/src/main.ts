import { createSimulator, type Simulator } from '@novita-webhooks/simulator';
import { Listr } from 'listr2';
import colors from 'picocolors';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { sendBadDeliveries, type BadDelivery } from './bad-deliveries.ts';
import { checkRun } from './checks.ts';
import { readStates } from './read-states.ts';
import { formatChecks, formatTotals } from './report.ts';
import { startServer, type DemoServer } from './server.ts';
import { createTasks, type DemoTask } from './tasks.ts';

const TASK_COUNT = 300;
const BAD_DELIVERY_ROUNDS = 5;
const MAX_DURATION_MS = 30_000;

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });

const simulator = await createSimulator({ retry: { delayMs: (retry) => 200 * retry } });
const folder = mkdtempSync(join(tmpdir(), 'novita-demo-'));
const path = join(folder, 'webhooks.db');
const server = await startServer(path);
const tasks = new Map<string, DemoTask>();
const badDeliveries: BadDelivery[] = [];

const watchdog = setTimeout(() => {
  console.error(
    `demo: not finished after ${MAX_DURATION_MS / 1000} s. Run it on a less busy machine.`,
  );
  process.exit(1);
}, MAX_DURATION_MS);

await new Listr(
  [
    {
      title: `Local Novita at ${simulator.url}, Express server with its inbox in ${path}`,
      task: () => undefined,
    },
    {
      title: `Submit ${TASK_COUNT} tasks of all kinds`,
      task: () => submitAll(simulator, server),
    },
    {
      title: 'Send forged and malformed deliveries',
      async task() {
        const [taskId = ''] = tasks.keys();
        const { url } = await server.receiver.createCallback();
        for (let round = 0; round < BAD_DELIVERY_ROUNDS; round += 1) {
          badDeliveries.push(...(await sendBadDeliveries(url, taskId)));
        }
      },
    },
    {
      title: 'Deliver, repeat, handle, retry',
      task: (_, task) => waitUntilFinished((line) => (task.output = line)),
      rendererOptions: { persistentOutput: true },
    },
  ],
  { concurrent: false, fallbackRenderer: 'simple' },
).run();
clearTimeout(watchdog);

const run = { tasks, simulator, server, badDeliveries, states: await readStates(path) };
const checks = checkRun(run);
const summary = `${await formatTotals(run)}\n\n${formatChecks(checks)}\n`;
if (!values.keep) await server.close(); // writes the log lines that are held back
console.log('\nThe log lines above tell of faults that this demo makes on purpose.');
console.log(`\n${summary}`);
if (values.keep) {
  await keepRunning();
  await server.close();
}
await simulator.close();
rmSync(folder, { recursive: true });
process.exitCode = checks.every(({ exceptions }) => exceptions.length === 0) ? 0 : 1;

async function submitAll({ submit }: Simulator, { receiver }: DemoServer): Promise<void> {
  for (const task of createTasks(TASK_COUNT)) {
    const { number, behaviour, testMode } = task;
    const metadata = { order: number, behaviour };
    const webhook = await receiver.createCallback({ metadata, ...(testMode ? { testMode } : {}) });
    const { task_id } = await submit(task.endpoint, { extra: { webhook } }, task.plan);
    tasks.set(task_id, task);
  }
}

/** Resolves when the simulator has no delivery left and the inbox no entry to handle. */
async function waitUntilFinished(show: (line: string) => void): Promise<void> {
  const idle = simulator.idle().then(() => 'idle' as const);
  for (let round = 0; ; round += 1) {
    const pause = new Promise<'busy'>((resolve) => setTimeout(() => resolve('busy'), 50));
    const deliveryState = await Promise.race([idle, pause]);
    const { pending, running, done, dead } = await server.receiver.inbox.stats();
    const open = pending + running;
    const isFinished = deliveryState === 'idle' && open === 0;
    if (process.stdout.isTTY || round % 20 === 0 || isFinished) {
      const delivered = simulator.deliveries().length;
      show(`${delivered} deliveries · ${done} done · ${open} open · ${dead} dead letters`);
    }
    if (isFinished) return;
    await pause;
  }
}

async function keepRunning(): Promise<void> {
  const { url } = await server.receiver.createCallback({
    expiresInMs: Infinity,
    metadata: { sentBy: 'curl' },
  });
  server.receiver.onTaskFinished(({ task }, { metadata }) =>
    console.log(`handled ${task.task_id} (${task.status})`, metadata),
  );
  const event = {
    event_type: 'ASYNC_TASK_RESULT',
    payload: { task: { task_id: 'by-hand-1', status: 'TASK_STATUS_SUCCEED' }, images: [] },
  };
  console.log(`The server keeps running. This command delivers an event; a second time it is a duplicate:

  ${colors.cyan(`curl -i '${url}' -H 'content-type: application/json' -d '${JSON.stringify(event)}'`)}

Press Ctrl-C to stop.`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}
