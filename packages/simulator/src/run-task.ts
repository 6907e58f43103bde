import { setTimeout as delay } from 'node:timers/promises';

import { deliverEvent } from './deliver-event.ts';
import type { State } from './state.ts';
import type { Task } from './task.ts';
import { createTaskEvent } from './task-result.ts';

/** Ends a task: its event exists from now on. */
export const finishTask = ({ links, options }: State, task: Task): void => {
  task.status = task.plan.status;
  task.finishedAt = options.now();
  task.event = createTaskEvent(task, links.sign, task.finishedAt);
};

/** Queues the task for a quarter of `taskMs`, processes it for the rest, then delivers its event. */
export const runTask = async (state: State, task: Task): Promise<void> => {
  const { signal } = state.closing;
  const { taskMs } = task.plan;
  await delay(taskMs / 4, undefined, { signal });
  task.status = 'TASK_STATUS_PROCESSING';
  if (taskMs > 0) await delay((taskMs * 3) / 4, undefined, { signal });
  finishTask(state, task);
  await deliverEvent(state, task);
};
