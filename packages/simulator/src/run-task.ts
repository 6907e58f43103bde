import { setTimeout as delay } from 'node:timers/promises';

import { deliverEvent } from './deliver-event.ts';
import type { State } from './state.ts';
import type { Task } from './task.ts';
import { createTaskEvent } from './task-result.ts';
import { updateTask } from './update-task.ts';

/** Ends a task: its event exists from now on. */
export const finishTask = (state: State, task: Task): void => {
  const { links, options } = state;
  task.status = task.plan.status;
  task.finishedAt = options.now();
  updateTask(state, task, { event: createTaskEvent(task, links.sign, task.finishedAt) });
};

/** Queues the task, processes it for the rest of `taskMs`, then delivers its event. */
export const runTask = async (state: State, task: Task): Promise<void> => {
  const { signal } = state.closing;
  const { taskMs, queueMs } = task.plan;
  await delay(queueMs, undefined, { signal });
  updateTask(state, task, { status: 'TASK_STATUS_PROCESSING' });
  if (taskMs > queueMs) await delay(taskMs - queueMs, undefined, { signal });
  finishTask(state, task);
  await deliverEvent(state, task);
};
