import { readFileSync } from 'node:fs';

const FIXTURE = new URL(
  '../../packages/core/test/fixtures/payloads/event-image-success.json',
  import.meta.url,
);

/** The task id of the fixture. The URL of the image contains it too. */
const TASK_ID = '11111111-2222-4333-8444-000000000001';

/** A real event as JSON, split where the task id goes. */
export interface EventTemplate {
  readonly parts: readonly string[];
  readonly bytes: number;
}

export function readEventTemplate(): EventTemplate {
  const event = JSON.stringify(JSON.parse(readFileSync(FIXTURE, 'utf8')));
  return { parts: event.split(TASK_ID), bytes: Buffer.byteLength(event) };
}

export function toEvent({ parts }: EventTemplate, taskId: string): string {
  return parts.join(taskId);
}
