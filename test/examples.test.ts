import { createSimulator } from '@novita-webhooks/simulator';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'vitest';

import { freePort, runProgram, type Program, type ProgramOptions } from './support/program.ts';
import {
  findPostgres,
  findRedis,
  temporaryDatabase,
  temporaryRedis,
  type TemporaryPlace,
} from './support/services.ts';

const SECRET = 'a secret for the examples, long enough to sign';
const TIMEOUT_MS = 60_000;

/** The examples that are servers, and the file that `npm start` runs. */
const SERVERS = {
  express: 'src/server.ts',
  fastify: 'src/server.ts',
  koa: 'src/server.ts',
  hono: 'src/server.ts',
  'node-http': 'src/server.ts',
  lambda: 'src/local.ts',
};

function run(name: string, file: string, { onTestFinished }: TestContext, options: ProgramOptions) {
  const folder = mkdtempSync(join(tmpdir(), 'novita-example-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const defaults = { NOVITA_WEBHOOK_SECRET: SECRET, WEBHOOKS_DB: join(folder, 'webhooks.db') };
  const env = { ...defaults, ...options.env };
  const program = runProgram(`examples/${name}`, file, { ...options, env });
  onTestFinished(program.kill);
  return program;
}

interface Fleet {
  readonly variable: string;
  /** URL of its database server; `undefined` without one. */
  readonly server: string | undefined;
  readonly openPlace: (server: string) => Promise<TemporaryPlace>;
}

/** The examples with web processes and workers. */
const FLEETS: Readonly<Record<string, Fleet>> = {
  postgres: {
    variable: 'DATABASE_URL',
    server: await findPostgres('the example with PostgreSQL'),
    openPlace: temporaryDatabase,
  },
  bullmq: {
    variable: 'REDIS_URL',
    server: await findRedis('the example with BullMQ'),
    openPlace: temporaryRedis,
  },
};

const READY = /order\b.*is ready/;
/** The lines that the handler of an example printed. */
const handledLines = ({ lines }: Program) => lines.filter((line) => READY.test(line));

const post = (url: string, body: string) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });

async function expectCleanExit(program: Program, { expect }: TestContext): Promise<void> {
  const code = await program.terminate();
  expect(code, program.lines.join('\n')).toBe(0);
}

// Concurrent: most of the time each test waits for a process to start.
describe.concurrent('the example', () => {
  test.for(Object.entries(SERVERS))(
    '%s submits a task, handles its result once, and exits on SIGTERM',
    { timeout: TIMEOUT_MS },
    async ([name, file], context) => {
      const { expect } = context;
      const simulator = await createSimulator({ plan: () => ({ duplicates: 1 }) });
      context.onTestFinished(simulator.close);
      const port = String(await freePort());
      const env = { HOST: '127.0.0.1', PORT: port, NOVITA_BASE_URL: simulator.url };
      const program = run(name, file, context, { env });
      await program.line(/listening/i);

      const address = `http://127.0.0.1:${port}`;
      const response = await post(`${address}/images`, '{"orderId":4711,"prompt":"a red kite"}');
      expect(response.status).toBe(202);
      const { task_id } = (await response.json()) as { task_id: string };
      await program.line(READY);
      await simulator.idle();
      const answers = simulator.deliveries().map(({ answer }) => answer);
      expect(answers).toEqual([
        { status: 200, body: '{"status":"accepted"}' },
        { status: 200, body: '{"status":"duplicate"}' },
      ]);
      expect((await post(`${address}/webhooks/novita`, '{}')).status).toBe(401);

      await expectCleanExit(program, context);
      const [handled, ...more] = handledLines(program);
      expect(more).toEqual([]);
      expect(handled).toMatch(/\b4711\b/);
      expect(handled).toContain(task_id);
    },
  );

  test(
    'custom-runtime handles events from a queue, and exits on SIGTERM',
    async (context) => {
      const { expect } = context;
      const program = run('custom-runtime', 'src/main.ts', context, {});
      run('custom-runtime', 'src/novita.ts', context, { onLine: program.write });
      await program.line(/^acknowledge: .*accepted/);
      await program.line(/^acknowledge: .*duplicate/);

      await expectCleanExit(program, context);
      expect(handledLines(program)).toEqual([
        expect.stringMatching(/^order 42 is ready: \S+ http/),
      ]);
    },
    TIMEOUT_MS,
  );

  for (const [name, { variable, server = '', openPlace }] of Object.entries(FLEETS)) {
    test.skipIf(server === '')(
      `${name} accepts events in two web processes and handles each once in two workers`,
      async (context) => {
        const { expect } = context;
        const simulator = await createSimulator();
        context.onTestFinished(simulator.close);
        const place = await openPlace(server);
        context.onTestFinished(place.remove);
        const base = { HOST: '127.0.0.1', NOVITA_BASE_URL: simulator.url };
        const env = { ...base, [variable]: place.url };
        const ports = [String(await freePort()), String(await freePort())];
        const webs = ports.map((PORT) =>
          run(name, 'src/web.ts', context, { env: { ...env, PORT } }),
        );
        const workers = [1, 2].map(() => run(name, 'src/worker.ts', context, { env }));
        await Promise.all(webs.map((web) => web.line(/listening/i)));
        await Promise.all(workers.map((worker) => worker.line(/^working/)));

        const taskIds: string[] = [];
        for (let order = 0; order < ORDERS; order += 1) {
          const address = `http://127.0.0.1:${ports[order % 2] ?? ''}`;
          const body = JSON.stringify({ orderId: 4700 + order, prompt: 'a red kite' });
          const { task_id } = (await (await post(`${address}/images`, body)).json()) as Submitted;
          taskIds.push(task_id);
        }
        await simulator.idle();
        // A copy of each event, to the other process.
        for (const { id: taskId, callbackUrl } of simulator.tasks()) {
          const first = new URL(callbackUrl ?? '').port;
          const origin = `http://127.0.0.1:${ports.find((port) => port !== first) ?? ''}`;
          const { answer } = await simulator.deliver(taskId, { origin });
          expect(answer).toEqual({ status: 200, body: '{"status":"duplicate"}' });
        }
        const ready = () => workers.flatMap(handledLines);
        await expect.poll(() => ready().length, { timeout: TIMEOUT_MS / 2 }).toBe(ORDERS);
        await Promise.all([...webs, ...workers].map((one) => expectCleanExit(one, context)));
        for (const taskId of taskIds) {
          expect(ready().filter((line) => line.includes(taskId))).toHaveLength(1);
        }
      },
      TIMEOUT_MS,
    );
  }
});

const ORDERS = 20;

interface Submitted {
  readonly task_id: string;
}
