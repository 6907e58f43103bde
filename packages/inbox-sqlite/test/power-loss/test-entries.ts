import { createHash } from 'node:crypto';

import type { NewEntry } from '@novita-webhooks/core';
import { createTestEntry } from '@novita-webhooks/testing';

const HASHES_PER_BODY = 20; // of 64 characters each

/** Creates an entry with a body of about 1.3 KB that depends on its id. */
export const entryOf = (taskId: string): NewEntry =>
  createTestEntry({ taskId, body: bodyOf(taskId) });

const bodies = new Map<string, string>();

export function bodyOf(taskId: string): string {
  let body = bodies.get(taskId);
  if (body === undefined) bodies.set(taskId, (body = createBody(taskId)));
  return body;
}

function createBody(taskId: string): string {
  const image = Array.from({ length: HASHES_PER_BODY }, (_, index) =>
    createHash('sha256').update(`${taskId} ${index}`).digest('hex'),
  ).join('');
  return JSON.stringify({ task: { task_id: taskId }, image });
}
