import { createSimulator } from '@novita-webhooks/simulator';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';

import { findNatsServer, startNatsServer } from '../../../test/support/nats-server.ts';
import { freePort, runProgram, type Program } from '../../../test/support/program.ts';

const SECRET = 'a secret for the NATS example, long enough to sign';
const LEASE_MS = 3000;
const ORDERS = 120;
const TIMEOUT_MS = 90_000;

interface Run {
  readonly taskId: string;
  readonly begin: number;
  /** `Infinity` for one that its process did not survive, until that is known. */
  readonly end: number;
  readonly how: string;
}

/** What a worker said of its runs; those without an end ended with it. */
function runsOf(worker: Program, died = Infinity): Run[] {
  const open = new Map<string, number>();
  const runs: Run[] = [];
  for (const line of worker.lines) {
    const [, what = '', taskId = '', at] = /^RUN (\w+) (\S+) (\d+)$/.exec(line) ?? [];
    if (what === '') continue;
    if (what === 'begin') open.set(taskId, Number(at));
    else runs.push({ taskId, begin: open.get(taskId) ?? NaN, end: Number(at), how: what });
    if (what !== 'begin') open.delete(taskId);
  }
  const cut = [...open].map(([taskId, begin]) => ({ taskId, begin, end: died, how: 'cut' }));
  return [...runs, ...cut];
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
    'handle an order once, tell of a duplicate, and stop when asked to',
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
      for (const { code } of await Promise.all(
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
    'lose nothing and run nothing twice at a time when a worker and the server are killed',
    async () => {
      const { nats, simulator, web, worker } = await setUp();
      const webs = await Promise.all([web(), web()]);
      const victim = await worker('test/slow-worker.ts');
      const workers = [await worker('test/slow-worker.ts')];
      const taskIds: string[] = [];
      let died = Infinity;
      for (let index = 0; index < ORDERS; index += 1) {
        taskIds.push(await order(webs[index % 2]?.address ?? '', index));
        if (index === ORDERS / 3) {
          victim.kill();
          died = Date.now();
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

      const runs = () => [...runsOf(victim, died), ...workers.flatMap((one) => runsOf(one))];
      const finished = () =>
        new Set(runs().flatMap(({ how, taskId }) => (how === 'end' ? [taskId] : [])));
      const answersOf = (taskId: string) =>
        simulator
          .deliveries()
          .filter((delivery) => delivery.taskId === taskId)
          .map(({ answer }) => JSON.stringify(answer));
      const isKept = (taskId: string) =>
        answersOf(taskId).some((answer) => /accepted|duplicate/.test(answer));
      const kept = taskIds.filter(isKept);
      expect(kept.length, 'after its repeats every event should have come through').toBe(ORDERS);
      await expect.poll(() => finished().size, { timeout: 30_000 }).toBe(ORDERS);

      expect(overlapsOf(runs())).toEqual([]);
      for (const taskId of taskIds) {
        const accepted = answersOf(taskId).filter((answer) => answer.includes('accepted'));
        expect(accepted.length, `${taskId} was added once`).toBeLessThanOrEqual(1);
        const others = answersOf(taskId).filter((answer) => !/accepted|duplicate/.test(answer));
        expect(others.filter((answer) => !answer.includes('"status":503'))).toEqual([]);
      }
      // Handled before the server was killed, and still known after it.
      const [first = ''] = taskIds;
      await simulator.deliver(first);
      await simulator.idle();
      expect(answersOf(first).at(-1)).toContain('duplicate');

      const cut = runs().filter(({ how }) => how === 'cut');
      expect(cut.length, 'the worker died in the middle of something').toBeGreaterThan(0);
      const again = runs().length - ORDERS;
      const aborted = runs().filter(({ how }) => how === 'aborted').length;
      console.log(`${ORDERS} tasks, ${again} runs repeated: ${cut.length} cut, ${aborted} aborted`);
    },
    TIMEOUT_MS,
  );
});
