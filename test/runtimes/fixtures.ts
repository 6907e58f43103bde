import {
  createReceiver,
  memoryInbox,
  type HandlerContext,
  type Inbox,
  type Receiver,
  type ReceiverOptions,
  type TaskResult,
} from '@novita-webhooks/core';

/** Signs the callback URLs of all scenes. */
export const SECRET = 'a secret for the runtimes, 32 characters or more';

/** What a handler saw, in a form that can go over the wire. */
export interface Handled {
  readonly taskId: string;
  readonly reason: string;
  readonly metadata: unknown;
  readonly expiresAt: string | undefined;
}

export interface Scene {
  readonly receiver: Receiver;
  readonly handled: readonly Handled[];
}

const options = {
  plain: {},
  accepting: { ack: 'accepted' },
  small: { limits: { maxBodyBytes: 1000 } },
  impatient: { limits: { bodyTimeoutMs: 150 } },
  hurried: { limits: { replyTimeoutMs: 150 } },
  brokenInbox: { inbox: failsOnce(memoryInbox()) },
  closing: {},
} satisfies Record<string, ReceiverOptions>;

export type SceneName = keyof typeof options;

/** All of them at the global scope of their server, where workers may do the least. */
export const scenes = Object.fromEntries(
  Object.entries(options).map(([name, own]) => [name, createScene(own)]),
) as Record<SceneName, Scene>;

function createScene(own: ReceiverOptions): Scene {
  const handled: Handled[] = [];
  const failed = new Set<string>();
  const receiver = createReceiver({
    url: 'https://example.com/webhooks/novita',
    secret: SECRET,
    ...own,
  });
  receiver.onTaskFinished(async (result: TaskResult, context: HandlerContext) => {
    await obey(result.task.task_id, failed);
    handled.push({
      taskId: result.task.task_id,
      reason: result.task.reason,
      metadata: context.metadata,
      expiresAt: result.images[0]?.expires_at?.toISOString(),
    });
  });
  return { receiver, handled };
}

/** A task's id says what its handler does: `takes-300-…`, `fails-once-…`. */
async function obey(taskId: string, failed: Set<string>): Promise<void> {
  const waitMs = Number(/^takes-(\d+)/.exec(taskId)?.[1] ?? 1);
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  if (!taskId.startsWith('fails-once') || failed.has(taskId)) return;
  failed.add(taskId);
  throw new Error('not this time');
}

/** An inbox that is down the first time it is asked to keep an entry. */
function failsOnce(inbox: Inbox): Inbox {
  const failed = new Set<string>();
  return {
    ...inbox,
    async add(entry) {
      if (failed.has(entry.taskId)) return inbox.add(entry);
      failed.add(entry.taskId);
      throw new Error('connection refused');
    },
  };
}
