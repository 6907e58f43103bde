import {
  createReceiver,
  memoryInbox,
  type HandlerContext,
  type Inbox,
  type Receiver,
  type ReceiverOptions,
  type TaskResult,
} from '@novita-webhooks/core';

/** The signing secret of all fixtures. */
export const SECRET = 'a secret for the runtimes, 32 characters or more';

/** What a handler received, as JSON data. */
export interface Handled {
  readonly taskId: string;
  readonly reason: string;
  readonly metadata: unknown;
  readonly expiresAt: string | undefined;
}

/** A receiver with its own options, and the tasks that its handler has finished. */
export interface Fixture {
  readonly receiver: Receiver;
  readonly handled: readonly Handled[];
  /** The tasks whose signals were aborted. */
  readonly aborted: readonly string[];
}

const optionsByName = {
  plain: {},
  ackAccepted: { ack: 'accepted' },
  smallBody: { limits: { maxBodyBytes: 1000 } },
  shortBodyTimeout: { limits: { bodyTimeoutMs: 150 } },
  shortReplyTimeout: { limits: { replyTimeoutMs: 150 } },
  failingInbox: { inbox: failsOnce(memoryInbox()) },
  closing: {},
  twoPlaces: { limits: { replyTimeoutMs: 150 }, handlers: { concurrency: 2 } },
} satisfies Record<string, ReceiverOptions>;

export type FixtureName = keyof typeof optionsByName;

/** Created at the global scope of the server: Cloudflare Workers restrict what runs there. */
export const fixtures = Object.fromEntries(
  Object.entries(optionsByName).map(([name, options]) => [name, createFixture(options)]),
) as Record<FixtureName, Fixture>;

function createFixture(options: ReceiverOptions): Fixture {
  const handled: Handled[] = [];
  const aborted: string[] = [];
  const failed = new Set<string>();
  const receiver = createReceiver({
    url: 'https://example.com/webhooks/novita',
    secret: SECRET,
    ...options,
  });
  receiver.onTaskFinished(async (result: TaskResult, context: HandlerContext) => {
    const { task_id: taskId } = result.task;
    context.signal.addEventListener('abort', () => aborted.push(taskId));
    await behaveAs(taskId, failed);
    handled.push({
      taskId,
      reason: result.task.reason,
      metadata: context.metadata,
      expiresAt: result.images[0]?.expires_at?.toISOString(),
    });
  });
  return { receiver, handled, aborted };
}

/** A task id selects the behavior of its handler: `takes-300-…` (ms), `fails-once-…`, `hangs-once-…`. */
async function behaveAs(taskId: string, failed: Set<string>): Promise<void> {
  const waitMs = Number(/^takes-(\d+)/.exec(taskId)?.[1] ?? 1);
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  if (!/^(fails|hangs)-once/.test(taskId) || failed.has(taskId)) return;
  failed.add(taskId);
  if (taskId.startsWith('hangs')) await new Promise(() => undefined);
  throw new Error('not this time');
}

/** An inbox that rejects the first `add` of each task. */
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
