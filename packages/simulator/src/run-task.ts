import { setTimeout as pause } from 'node:timers/promises';

import { deliverTask } from './deliver-event.ts';
import { createEvent } from './task-result.ts';
import type { State } from './state.ts';
import type { Task } from './task.ts';

const settle = ({ links, options }: State, task: Task): void => {
  task.status = task.plan.status;
  task.finishedAt = options.now();
  task.event = createEvent(task, links.sign, task.finishedAt);
};

/** A quarter of its time in the queue, the rest at work, then the event. */
export const runTask = async (state: State, task: Task): Promise<void> => {
  const { signal } = state.closing;
  const { taskMs } = task.plan;
  await pause(taskMs / 4, undefined, { signal });
  task.status = 'TASK_STATUS_PROCESSING';
  if (taskMs > 0) await pause((taskMs * 3) / 4, undefined, { signal });
  settle(state, task);
  await deliverTask(state, task);
};
