import type { FetchFunction } from '@novita-webhooks/core';

import type { Process, Reply, Task } from './actors.ts';
import type { Owner } from './queue.ts';
import type { World } from './world.ts';

/** What goes wrong with the Task Result API now. */
export type ApiMode = 'up' | 'down' | 'silent' | 'slow' | '404' | '429' | '500';
export const API_MODES: readonly ApiMode[] = ['up', 'down', 'silent', 'slow', '404', '429', '500'];

/** A simulated Novita: runs tasks, delivers results with retries, answers questions about them. */
export interface Vendor {
  readonly tasks: ReadonlyMap<string, Task>;
  apiMode: ApiMode;
  /** Accepts a task, and answers as the submit call does. */
  submit(process: Process, url: string | null): Promise<{ readonly task_id: string }>;
  /** For the Task Result clients of a process. */
  fetchFor(process: Process): FetchFunction;
  /** Sends a body to a process, as any sender can. */
  post(url: string, body: string, answer: (reply: Reply | null) => void): void;
  /** Deliveries that may still be sent. */
  pending(): number;
}

export interface VendorOptions {
  readonly owner: Owner;
  /** Probability that a task has no delivery at all. */
  readonly lossRate: number;
  /** The process that a delivery reaches; `undefined` if none listens. */
  readonly route: () => Process | undefined;
  readonly onAcknowledged: (task: Task, reply: Reply) => void;
  readonly isHealed: () => boolean;
}

const MAX_DELIVERIES = 6;
const TIMEOUT_MS = 5000;
const RETRY_MS = [1000, 4000, 10_000, 30_000, 60_000];
export const PATH = '/webhooks/novita';

export function createVendor(world: World, options: VendorOptions): Vendor {
  const { owner, isHealed } = options;
  const tasks = new Map<string, Task>();
  let pending = 0;

  const network = () => world.delay(1, isHealed() ? 10 : 3000);
  const isLost = () => !isHealed() && world.chance(0.03);

  function createTask(url: string | null): Task {
    const task: Task = {
      id: `task-${tasks.size + 1}`,
      status: world.chance(0.8) ? 'TASK_STATUS_SUCCEED' : 'TASK_STATUS_FAILED',
      kind: world.chance(0.03) ? 'poison' : world.chance(0.1) ? 'long' : 'plain',
      finishesAt: world.chance(0.05) ? Infinity : world.now() + 20_000 * world.random.next() ** 3,
      ...{ url, isAcknowledged: false, isExpected: false },
    };
    tasks.set(task.id, task);
    if (url !== null && task.finishesAt < Infinity && !world.chance(options.lossRate)) {
      const copies = world.chance(0.1) ? 2 : 1;
      const lateMs = world.chance(0.2) ? 60_000 * world.random.next() : 0;
      for (let copy = 0; copy < copies; copy += 1)
        deliverLater(task, url, 1, task.finishesAt - world.now() + lateMs);
    }
    return task;
  }

  function deliverLater(task: Task, url: string, attempt: number, delayMs: number): void {
    pending += 1;
    world.after(owner, delayMs, `delivers ${task.id}, attempt ${attempt}`, () => {
      vendor.post(url, toEvent(task, 'webhook', url), (reply) => {
        pending -= 1;
        world.count(`deliveries answered ${reply?.status ?? 'never'}`);
        if (reply?.status === 200) options.onAcknowledged(task, reply);
        else if (attempt < MAX_DELIVERIES)
          deliverLater(task, url, attempt + 1, RETRY_MS[attempt - 1] ?? 0);
      });
    });
  }

  async function answer(process: Process, taskId: string): Promise<ApiAnswer> {
    const { apiMode } = vendor;
    await world.pause(owner, network(), `${process.owner.name} asks about ${taskId}`);
    if (apiMode === 'silent') await new Promise(() => undefined);
    if (apiMode === 'slow') await world.pause(owner, 15_000 * world.random.next(), 'API');
    if (apiMode === 'down') throw new Error('connection refused');
    if (apiMode === '429') return { status: 429, body: '{"reason":"RATE_LIMIT_EXCEEDED"}' };
    if (apiMode === '500') return { status: 500, body: '{"reason":"GET_RESULT_FAILED"}' };
    const task = tasks.get(taskId);
    if (apiMode === '404' || task === undefined)
      return { status: 404, body: '{"reason":"TASK_NOT_FOUND"}' };
    return { status: 200, body: JSON.stringify(toPayload(task, 'api', world.now())) };
  }

  const vendor: Vendor = {
    tasks,
    apiMode: 'up',
    async submit(process, url) {
      await world.pause(owner, network(), `${process.owner.name} submits`);
      const { id } = createTask(url);
      await process.pause(network(), `submitted ${id}`);
      return { task_id: id };
    },
    fetchFor: (process) => async (url) => {
      const taskId = new URL(url).searchParams.get('task_id') ?? '';
      const answered = await answer(process, taskId).catch((error: unknown) => error as Error);
      await process.pause(network(), `answer of the API about ${taskId}`);
      if (answered instanceof Error) throw answered;
      return toResponse(answered);
    },
    post(url, body, onReply) {
      let isOpen = true;
      const close = (reply: Reply | null) => {
        if (!isOpen) return;
        isOpen = false;
        cancel();
        onReply(reply);
      };
      const cancel = world.after(owner, TIMEOUT_MS, 'gives a delivery up', () => close(null));
      if (isLost()) return;
      world.after(owner, network(), 'a delivery arrives', () => {
        const process = options.route();
        if (process === undefined) return close(null); // connection refused
        process.deliver(url, body, (reply) => {
          if (!isLost()) world.after(owner, network(), `reply ${reply.status}`, () => close(reply));
        });
      });
    },
    pending: () => pending,
  };
  return vendor;
}

interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

/** The little of a response that the client reads: a real one has streams, which nothing schedules. */
function toResponse({ status, body }: ApiAnswer): Response {
  const chunks = [new TextEncoder().encode(body)];
  const read = async () => {
    const value = chunks.pop();
    return { value, done: value === undefined };
  };
  const headers = {
    get: (name: string) => (name === 'retry-after' && status === 429 ? '2' : null),
  };
  const response = {
    status,
    type: 'default',
    redirected: false,
    headers,
    body: { getReader: () => ({ read }) },
  };
  return response as unknown as Response;
}

/** Says where a result came from: handlers must get what was acknowledged, or what the API said. */
const linkOf = (taskId: string, from: 'webhook' | 'api' | 'attacker') =>
  `https://results.example.com/${taskId}/${from}.png`;

function toPayload(
  task: Pick<Task, 'id' | 'status' | 'finishesAt'>,
  from: 'webhook' | 'api',
  now: number,
) {
  const status = now < task.finishesAt ? 'TASK_STATUS_PROCESSING' : task.status;
  const images = [{ image_url: linkOf(task.id, from), image_url_ttl: '0', image_type: 'png' }];
  return {
    task: { task_id: task.id, status, reason: '', task_type: 'TXT_TO_IMG' },
    extra: { seed: '1' },
    images,
  };
}

/** The body of a delivery. */
function toEvent(task: Task, from: 'webhook', url: string): string {
  const payload = toPayload(task, from, Infinity);
  const extra = { ...payload.extra, webhook: { url } };
  return JSON.stringify({ event_type: 'ASYNC_TASK_RESULT', payload: { ...payload, extra } });
}

/** A body that the vendor never sent. */
export function toForgedEvent(taskId: string): string {
  const images = [{ image_url: linkOf(taskId, 'attacker'), image_url_ttl: '0', image_type: 'png' }];
  const task = { task_id: taskId, status: 'TASK_STATUS_SUCCEED', reason: '', task_type: 'X' };
  return JSON.stringify({ event_type: 'ASYNC_TASK_RESULT', payload: { task, extra: {}, images } });
}

/** @returns what is wrong with a result that a handler got; `null` if the vendor sent it */
export function findForgery(
  task: Task | undefined,
  link: string | undefined,
  now: number,
  isConfirmed: boolean,
): string | null {
  if (task === undefined) return 'the vendor does not know the task';
  if (now < task.finishesAt) return 'the task still runs';
  if (link === linkOf(task.id, 'api')) return null;
  return link === linkOf(task.id, 'webhook') && !isConfirmed ? null : `a handler got ${link}`;
}
