import type { Fence } from '@novita-webhooks/core';

/** A fence taken apart: with the id in it, its row is found without the large index over all keys. */
export interface Held {
  readonly id: string;
  readonly fence: string;
  readonly endpoint: string;
  readonly taskId: string;
}

export function toFence(id: string, fence: string): string {
  return `${id}.${fence}`;
}

/** `undefined` when no store has handed it out. */
export function fromFence({ fence, endpoint, taskId }: Fence): Held | undefined {
  const [, id, name] = /^(\d{1,18})\.([\w-]+)$/.exec(fence) ?? [];
  return id === undefined || name === undefined ? undefined : { id, fence: name, endpoint, taskId };
}

/**
 * The rows that fences still give the right to, locked in one order. To be put behind `WITH input`,
 * which has the fences.
 */
export const HELD = `
held AS MATERIALIZED (
  SELECT input.*, work.attempts, work.handled, work.reason AS reason_before
  FROM input
  JOIN novita_webhooks.work ON work.id = input.id AND work.fence = input.fence
  JOIN novita_webhooks.events
    ON events.id = input.id AND events.task_id = input."taskId" AND events.endpoint = input.endpoint
  ORDER BY work.id
  FOR UPDATE OF work
)`;
