import type { SimulatedTask } from '@novita-webhooks/simulator';

import type { ExportedEntry } from './serve.ts';

/** Finds what is wrong with the entry of a task. */
const findDifference = (
  { id, eventState, status }: SimulatedTask,
  entry: ExportedEntry | undefined,
): string | undefined => {
  if (eventState === 'acknowledged') {
    if (entry === undefined) return `${id}: acknowledged, and the inbox has no entry`;
    if (entry.state !== 'done') return `${id}: acknowledged, and its entry is ${entry.state}`;
    return entry.status === status ? undefined : `${id}: ${status}, and its entry ${entry.status}`;
  }
  // An event that was stored and whose answer was lost has an entry, too.
  const wasSent = eventState === 'unacknowledged';
  return entry === undefined || wasSent ? undefined : `${id}: ${eventState}, and it has an entry`;
};

/** Lists the differences between what the simulator reports of its tasks and what the inbox holds. */
export const compareWithInbox = (
  tasks: readonly SimulatedTask[],
  entries: readonly ExportedEntry[],
): string[] => {
  const byId = new Map(entries.map((entry) => [entry.taskId, entry]));
  const known = new Set(tasks.map(({ id }) => id));
  const foreign = entries.filter(({ taskId }) => !known.has(taskId));
  return [
    ...tasks
      .map((task) => findDifference(task, byId.get(task.id)))
      .filter((text) => text !== undefined),
    ...foreign.map(({ taskId }) => `${taskId}: an entry, and no task`),
    ...(byId.size === entries.length ? [] : ['the inbox has two entries of a task']),
  ];
};
