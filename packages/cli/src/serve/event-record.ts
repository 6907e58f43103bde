import type { HandlerContext, TaskResult } from '@novita-webhooks/core';

/** What `serve` passes on of an event, as one line of JSON. */
export interface EventRecord {
  readonly taskId: string;
  readonly status: string;
  readonly taskType: string;
  readonly testMode: boolean;
  readonly metadata: object;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** The payload as handlers get it. */
  readonly result: TaskResult;
}

/** Makes the record of an event. */
export const toRecord = (result: TaskResult, context: HandlerContext): EventRecord => {
  const { taskId, testMode, metadata, receivedAt } = context;
  const { status, task_type: taskType } = result.task;
  const when = receivedAt.getTime();
  return { taskId, status, taskType, testMode, metadata, receivedAt: when, result };
};
