import { snapshotTask } from './snapshot-task.ts';
import type { State } from './state.ts';
import type { Task } from './task.ts';

/** Changes a task and publishes its new state. */
export const updateTask = (state: State, task: Task, changes: Partial<Task>): void => {
  Object.assign(task, changes);
  state.activity.publish(() => {
    const at = state.options.now();
    return { type: 'task', at, task: snapshotTask(task, at) };
  });
};
