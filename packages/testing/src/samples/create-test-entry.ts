import type { NewEntry } from '@novita-webhooks/core';

let ids = 0;

/** An entry with a task id of its own. */
export function createTestEntry(changes: Partial<NewEntry> = {}): NewEntry {
  ids += 1;
  return {
    endpoint: 'novita',
    taskId: `task-${ids}`,
    status: 'TASK_STATUS_SUCCEED',
    body: '{"task":{"task_id":"task"}}',
    schemaError: null,
    metadata: {},
    testMode: false,
    receivedAt: Date.UTC(2026, 2, 1),
    ...changes,
  };
}
