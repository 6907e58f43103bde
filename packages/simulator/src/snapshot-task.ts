import { redactUrl } from '@novita-webhooks/core';

import type { TaskEvent } from './novita-types.ts';
import type { ResolvedPlan } from './plan.ts';
import { redactValue } from './redact.ts';
import { createTaskResult } from './task-result.ts';
import type { SimulatedTask, Task } from './task.ts';

/** Percentage by the time that has passed: a result that succeeded may say 0, as Novita's do. */
const toProgress = (task: Task, now: number): number =>
  task.finishedAt !== undefined
    ? 100
    : (createTaskResult(task, String, now).task.progress_percent ?? 0);

/**
 * Copies the state of a task without tokens: the copy may be logged or shown.
 *
 * @param now milliseconds since 1970, by the simulator's clock
 */
export const snapshotTask = (task: Task, now: number): SimulatedTask => {
  const { callbackUrl, event, plan } = task;
  return {
    ...task,
    callbackUrl: callbackUrl && redactUrl(callbackUrl),
    plan: redactValue(plan, callbackUrl) as ResolvedPlan,
    event: redactValue(event, callbackUrl) as TaskEvent | undefined,
    progressPercent: toProgress(task, now),
  };
};
