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
