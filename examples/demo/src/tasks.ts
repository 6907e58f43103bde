import type { Plan } from '@novita-webhooks/simulator';

/** How the handler reacts to a task. */
export type HandlerBehaviour = 'succeeds' | 'fails twice' | 'always fails';

/** One task of the demo: how the simulator delivers it, and how the handler reacts to it. */
export interface DemoTask {
  /** From 1 on; travels as `order` in the metadata. */
  readonly number: number;
  readonly endpoint: string;
  readonly plan: Plan;
  readonly testMode: 'TASK_STATUS_SUCCEED' | 'TASK_STATUS_FAILED' | undefined;
  readonly behaviour: HandlerBehaviour;
  /** Whether the event has a status that the schema does not know. */
  readonly hasSchemaError: boolean;
}

const ENDPOINTS = ['txt2img', 'img2img', 'txt2video', 'minimax-speech-02-turbo'];
const isEvery = (n: number, number: number) => number % n === 0;

/** Creates tasks of all kinds. Two calls return the same tasks. */
export function createTasks(count: number): DemoTask[] {
  return Array.from({ length: count }, (_, index) => createTask(index + 1));
}

function createTask(number: number): DemoTask {
  const hasSchemaError = isEvery(75, number);
  return {
    number,
    endpoint: ENDPOINTS[number % ENDPOINTS.length] ?? 'txt2img',
    testMode: testModeOf(number),
    behaviour: behaviourOf(number),
    hasSchemaError,
    plan: {
      status: isEvery(9, number) ? 'TASK_STATUS_FAILED' : 'TASK_STATUS_SUCCEED',
      count: isEvery(8, number) ? 4 : 1,
      nsfw: isEvery(11, number) ? true : undefined,
      taskMs: (number * 37) % 4000,
      duplicates: isEvery(5, number) ? 2 : 0,
      parallelCopies: isEvery(7, number) ? 5 : 1,
      transformEvent: hasSchemaError ? (event) => withUnknownStatus(event) : undefined,
    },
  };
}

function testModeOf(number: number): DemoTask['testMode'] {
  if (isEvery(40, number)) return 'TASK_STATUS_SUCCEED';
  return isEvery(41, number) ? 'TASK_STATUS_FAILED' : undefined;
}

function behaviourOf(number: number): HandlerBehaviour {
  if (isEvery(60, number)) return 'always fails';
  return isEvery(12, number) ? 'fails twice' : 'succeeds';
}

function withUnknownStatus(event: { readonly payload: { readonly task: object } }): unknown {
  const task = { ...event.payload.task, status: 'TASK_STATUS_SUBLIMATED' };
  return { ...event, payload: { ...event.payload, task } };
}
