import type { TaskResult } from '../events/task-result.ts';
import { describeHandlerName, isDefaultName, isNamed } from '../inbox/handler-name.ts';
import type { RegisteredHandler } from './handlers.ts';
import type { PartialReplay } from '../inbox/ports.ts';
import type { WarnOnce } from './warn-once.ts';

/** What decides which handlers run. */
export interface SelectionEntry {
  readonly succeededHandlers: readonly string[];
  readonly partialReplay?: PartialReplay | null;
}

/**
 * The handlers that want a result and have not succeeded with it, in order. Warns if no handler wants
 * it, or if the handlers have changed since an earlier attempt.
 *
 * @param entry the names that the inbox has recorded, and those that a replay asked for
 */
export function selectHandlers(
  { task }: TaskResult,
  matching: readonly RegisteredHandler[],
  { succeededHandlers, partialReplay }: SelectionEntry,
  warnOnce: WarnOnce,
): readonly RegisteredHandler[] {
  const { task_id: taskId, task_type: taskType, status } = task;
  if (matching.length === 0) {
    warnOnce(`unwanted ${status} ${taskType}`, { taskId, taskType, status }, UNWANTED);
  }
  const isCurrent = (name: string) => matching.some((handler) => handler.name === name);
  const unknown = succeededHandlers.filter((name) => isDefaultName(name) && !isCurrent(name));
  if (unknown.length > 0) {
    warnOnce(
      `changed ${unknown.join()}`,
      { taskId, succeededHandlers: unknown.map(describeHandlerName) },
      CHANGED,
    );
  }
  const named = partialReplay?.handlers;
  const isWanted = (name: string) => named === undefined || isNamed(named, name);
  return matching.filter(({ name }) => isWanted(name) && !succeededHandlers.includes(name));
}

const UNWANTED =
  'worker: no registered handler wants this result, so its entry becomes done without one. ' +
  'Register a handler for it, or use another endpoint for workers with other handlers.';
const CHANGED =
  'worker: the handlers have changed since an earlier attempt, so those without a handlerName run ' +
  'again. Set handlerName to keep their successes across releases.';
