import type { Plan } from '@novita-webhooks/simulator';

/** What the handler will do with a task. */
export type Temper = 'willing' | 'fails twice' | 'never succeeds';

/** One task of the demo: what is asked of the simulator, and what must come of it. */
export interface Role {
  readonly number: number;
  readonly endpoint: string;
  readonly plan: Plan;
  readonly testMode: 'TASK_STATUS_SUCCEED' | 'TASK_STATUS_FAILED' | undefined;
  readonly temper: Temper;
  /** The event will not fit the schema: Novita has changed something. */
  readonly drifts: boolean;
}

const endpoints = ['txt2img', 'img2img', 'txt2video', 'minimax-speech-02-turbo'];
const every = (n: number, number: number) => number % n === 0;

/** Tasks of all kinds, the same ones every time. */
export function castRoles(count: number): Role[] {
  return Array.from({ length: count }, (_, index) => toRole(index + 1));
}

function toRole(number: number): Role {
  const drifts = every(75, number);
  return {
    number,
    endpoint: endpoints[number % endpoints.length] ?? 'txt2img',
    testMode: every(40, number)
      ? 'TASK_STATUS_SUCCEED'
      : every(41, number)
        ? 'TASK_STATUS_FAILED'
        : undefined,
    temper: every(60, number) ? 'never succeeds' : every(12, number) ? 'fails twice' : 'willing',
    drifts,
    plan: {
      status: every(9, number) ? 'TASK_STATUS_FAILED' : 'TASK_STATUS_SUCCEED',
      count: every(8, number) ? 4 : 1,
      nsfw: every(11, number) ? true : undefined,
      taskMs: (number * 37) % 4000,
      duplicates: every(5, number) ? 2 : 0,
      parallelCopies: every(7, number) ? 5 : 1,
      transformEvent: drifts ? (event) => withUnknownStatus(event) : undefined,
    },
  };
}

function withUnknownStatus(event: { readonly payload: { readonly task: object } }): unknown {
  const task = { ...event.payload.task, status: 'TASK_STATUS_SUBLIMATED' };
  return { ...event, payload: { ...event.payload, task } };
}
