import { requireOptions, type NewEntry } from '@novita-webhooks/core';

let count = 0;

/**
 * Creates an entry as `Inbox.add` takes it, with a task id that is unique in this process and a body
 * that fits it.
 *
 * @param changes fields that replace the defaults (endpoint `novita`, status `TASK_STATUS_SUCCEED`)
 * @throws WebhookError `invalid_option`
 * @example
 * await inbox.add(createTestEntry({ metadata: { orderId: 42 } }));
 */
export function createTestEntry(changes: Partial<NewEntry> = {}): NewEntry {
  const usage = "createTestEntry({ taskId: 'task-1' })";
  requireOptions('createTestEntry', changes, usage);
  const entry = createEntry(changes);
  requireOptions('createTestEntry', changes, usage, Object.keys(entry));
  return { ...entry, ...changes };
}

function createEntry(changes: Partial<NewEntry>): NewEntry {
  count += 1;
  const { taskId = `task-${count}`, status = 'TASK_STATUS_SUCCEED' } = changes;
  const { taskType = 'TXT_TO_IMG' } = changes;
  return {
    endpoint: 'novita',
    taskId,
    status,
    taskType,
    body: JSON.stringify({ task: { task_id: taskId, status, task_type: taskType } }),
    schemaError: null,
    metadata: {},
    testMode: false,
    receivedAt: Date.UTC(2026, 2, 1),
    source: 'delivery',
    traceparent: null,
    tokenId: null,
  };
}
