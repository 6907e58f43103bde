import { createSimulator } from '@novita-webhooks/simulator';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';

import { findNatsServer, startNatsServer } from '../../../test/support/nats-server.ts';
import { freePort, runProgram, type Program } from '../../../test/support/program.ts';

const SECRET = 'a secret for the NATS example, long enough to sign';
const LEASE_MS = 3000;
const ORDERS = 120;
const TIMEOUT_MS = 90_000;

/** One run of the handler. Times are milliseconds since 1970. */
interface Run {
  readonly taskId: string;
  readonly begin: number;
  /** For a run that was killed: when its process was killed, or `Infinity` if it was not. */
  readonly end: number;
  readonly result: string;
}

/** Reads the runs from the lines of a worker. A run without an end line ended when the worker was killed. */
function runsOf(worker: Program, killedAt = Infinity): Run[] {
  const open = new Map<string, number>();
  const runs: Run[] = [];
  for (const line of worker.lines) {
    const [, step = '', taskId = '', at] = /^RUN (\w+) (\S+) (\d+)$/.exec(line) ?? [];
    if (step === '') continue;
    if (step === 'begin') open.set(taskId, Number(at));
    else runs.push({ taskId, begin: open.get(taskId) ?? NaN, end: Number(at), result: step });
    if (step !== 'begin') open.delete(taskId);
  }
  const killed = [...open].map(([taskId, begin]) => ({
    taskId,
    begin,
    end: killedAt,
    result: 'killed',
  }));
  return [...runs, ...killed];
}

function overlapsOf(runs: readonly Run[]): Run[] {
  const sorted = [...runs].sort((one, other) => one.begin - other.begin);
  return sorted.filter((run, index) =>
    sorted.slice(0, index).some(({ taskId, end }) => taskId === run.taskId && end > run.begin),
  );
}

const version = await findNatsServer('the processes of the NATS example');

describe.skipIf(version === undefined)('two web processes and two workers on NATS', () => {
  async function setUp() {
    const nats = await startNatsServer();
    onTestFinished(() => nats.remove());
    const simulator = await createSimulator({
      plan: () => ({ duplicates: 1 }),
      retry: { delayMs: () => 1000 },
    });
    onTestFinished(simulator.close);
    const start = (file: string, env: Record<string, string>) => {
      const program = runProgram('examples/nats', file, { env: { NATS_URL: nats.url, ...env } });
      onTestFinished(program.kill);
      return program;
    };
    const web = async () => {
      const port = String(await freePort());
      const env = { NOVITA_BASE_URL: simulator.url, NOVITA_WEBHOOK_SECRET: SECRET, PORT: port };
      const program = start('src/web.ts', env);
      await program.line(/^listening/);
      return { program, address: `http://127.0.0.1:${port}` };
    };
    const worker = async (file: string) => {
      const program = start(file, { LEASE_MS: String(LEASE_MS) });
      await program.line(/^working/);
      return program;
    };
    return { nats, simulator, web, worker };
  }

  async function order(address: string, orderId: number): Promise<string> {
    const response = await fetch(`${address}/images`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ orderId, prompt: 'a red kite' }),
    });
    expect(response.status).toBe(202);
    return ((await response.json()) as { task_id: string }).task_id;
  }

  test(
    'handle an order once, answer a repeat as a duplicate, and stop on SIGTERM',
    async () => {
      const { simulator, web, worker } = await setUp();
      const [one, other, ...workers] = await Promise.all([
        web(),
        web(),
        worker('src/worker.ts'),
        worker('src/worker.ts'),
      ]);
      const taskIds = [await order(one.address, 1), await order(other.address, 2)];
      await simulator.idle();
      const handled = () =>
        workers.flatMap(({ lines }) => lines.filter((line) => line.includes('is ready')));
      await expect.poll(() => handled().length, { timeout: 10_000 }).toBe(2);
      for (const code of await Promise.all(
        [one.program, other.program, ...workers].map((program) => program.terminate()),
      )) {
        expect(code).toBe(0);
      }
      for (const taskId of taskIds) {
        expect(handled().filter((line) => line.includes(taskId))).toHaveLength(1);
        const answers = simulator.deliveries().filter((delivery) => delivery.taskId === taskId);
        expect(answers.map(({ answer }) => JSON.stringify(answer))).toEqual([
          expect.stringContaining('accepted'),
          expect.stringContaining('duplicate'),
        ]);
      }
    },
    TIMEOUT_MS,
  );

  test(
    'lose no event and run no task twice at a time when a worker and the server are killed',
    async () => {
      const { nats, simulator, web, worker } = await setUp();
      const webs = await Promise.all([web(), web()]);
      const killedWorker = await worker('test/slow-worker.ts');
      const workers = [await worker('test/slow-worker.ts')];
      const taskIds: string[] = [];
      let killedAt = Infinity;
      for (let index = 0; index < ORDERS; index += 1) {
        taskIds.push(await order(webs[index % 2]?.address ?? '', index));
        if (index === ORDERS / 3) {
          killedWorker.kill();
          killedAt = Date.now();
          workers.push(await worker('test/slow-worker.ts'));
        }
        if (index === (2 * ORDERS) / 3) {
          await nats.kill();
          await pause(1000);
          await nats.start();
        }
        await pause(20);
      }
      await simulator.idle();

      const runs = () => [
        ...runsOf(killedWorker, killedAt),
        ...workers.flatMap((one) => runsOf(one)),
      ];
      const finished = () =>
        new Set(runs().flatMap(({ result, taskId }) => (result === 'end' ? [taskId] : [])));
      const answersOf = (taskId: string) =>
        simulator
          .deliveries()
          .filter((delivery) => delivery.taskId === taskId)
          .map(({ answer }) => JSON.stringify(answer));
      const isAcknowledged = (taskId: string) =>
        answersOf(taskId).some((answer) => /accepted|duplicate/.test(answer));
      const acknowledged = taskIds.filter(isAcknowledged);
      expect(acknowledged.length, 'after its retries every event was answered 2xx').toBe(ORDERS);
      await expect.poll(() => finished().size, { timeout: 30_000 }).toBe(ORDERS);

      expect(overlapsOf(runs())).toEqual([]);
      for (const taskId of taskIds) {
        const accepted = answersOf(taskId).filter((answer) => answer.includes('accepted'));
        expect(accepted.length, `${taskId} was added once`).toBeLessThanOrEqual(1);
        const others = answersOf(taskId).filter((answer) => !/accepted|duplicate/.test(answer));
        expect(others.filter((answer) => !answer.includes('"status":503'))).toEqual([]);
      }
      // This task was handled before the server was killed.
      const [first = ''] = taskIds;
      await simulator.deliver(first);
      await simulator.idle();
      expect(answersOf(first).at(-1)).toContain('duplicate');

      const killed = runs().filter(({ result }) => result === 'killed');
      expect(killed.length, 'the worker was killed during a run').toBeGreaterThan(0);
      const repeated = runs().length - ORDERS;
      const aborted = runs().filter(({ result }) => result === 'aborted').length;
      console.log(
        `${ORDERS} tasks, ${repeated} runs repeated: ${killed.length} killed, ${aborted} aborted`,
      );
    },
    TIMEOUT_MS,
  );
});
