// Adds entries to a BullMQ inbox, each of them several times at once, and prints the answers.
import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';

const { url, prefix, ids, times } = JSON.parse(process.argv[2] ?? '') as {
  readonly url: string;
  readonly prefix: string;
  readonly ids: readonly string[];
  readonly times: number;
};
const inbox = bullmqInbox({ connection: url, prefix });
const entry = {
  endpoint: 'novita',
  status: 'TASK_STATUS_SUCCEED',
  taskType: 'TXT_TO_IMG',
  body: '{}',
  schemaError: null,
  metadata: {},
  testMode: false,
  receivedAt: Date.now(),
  source: 'delivery',
  traceparent: null,
  tokenId: null,
} as const;
const all = ids.flatMap((taskId) => Array.from({ length: times }, () => ({ ...entry, taskId })));
const answers = await Promise.all(all.map((one) => inbox.add(one)));
for (const [index, answer] of answers.entries())
  console.log(`${all[index]?.taskId ?? ''} ${answer}`);
await inbox.close();
