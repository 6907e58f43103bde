import { createHash } from 'node:crypto';

import type { NewEntry } from '@novita-webhooks/core';

const HASHES = 20; // of 64 characters each

/** An entry with a body of about 1.3 KB that nobody but its id can have. */
export function entryOf(taskId: string): NewEntry {
  return {
    endpoint: 'novita',
    taskId,
    status: 'TASK_STATUS_SUCCEED',
    body: bodyOf(taskId),
    schemaError: null,
    metadata: {},
    testMode: false,
    receivedAt: Date.UTC(2026, 2, 1),
  };
}

const bodies = new Map<string, string>();

export function bodyOf(taskId: string): string {
  let body = bodies.get(taskId);
  if (body === undefined) bodies.set(taskId, (body = makeBody(taskId)));
  return body;
}

function makeBody(taskId: string): string {
  const image = Array.from({ length: HASHES }, (_, index) =>
    createHash('sha256').update(`${taskId} ${index}`).digest('hex'),
  ).join('');
  return JSON.stringify({ task: { task_id: taskId }, image });
}
