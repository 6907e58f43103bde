// What a receiver says of itself when it starts: one line, and what is wrong.
import type { WebhookReply, WebhookRequest } from '../delivery/request.ts';
import {
  findProblems,
  isPathOf,
  nameOf,
  pathMessage,
  type Checked,
  type CheckedOptions,
} from './find-problems.ts';
import type { HandlerCounts, Handlers } from '../handlers/handlers.ts';
import type { Logger } from '../shared/logger.ts';
import type { Clock } from '../shared/clock.ts';
import { readOr } from '../shared/read-or.ts';
import { createUnusedWarning } from './unused-warning.ts';

/** Reports a start once, and knows the path on which the receiver is mounted. */
export interface StartReport {
  /** Called when the receiver starts. */
  start(): void;
  /** Called when an adapter takes the receiver. */
  mount(path?: string): void;
  /** Called by what needs neither: accepting, minting, `processEntry()`, the inbox, `close()`. */
  used(): void;
  /** Called when a handler was registered. */
  handlersChanged(): void;
  isPathKnown(): boolean;
  /** Learns the path from the first accepted delivery. Returns the reply. */
  afterDelivery(request: WebhookRequest, reply: WebhookReply): WebhookReply;
  checked(): Checked;
}

interface StartReportParts {
  readonly handlers: Handlers;
  readonly log: Logger;
  readonly isClosed: () => boolean;
}

const CLOSED =
  'receiver: used after close(), so it handles nothing. Register handlers and start before, or create another receiver.';

export function createStartReport(
  options: CheckedOptions & { readonly endpoint: string; readonly clock: Clock },
  { handlers, log, isClosed }: StartReportParts,
): StartReport {
  const { url, endpoint, inbox } = options;
  const environment = nodeEnvironment();
  const unused = createUnusedWarning({ ...options, log, handlers });
  let path: string | null = null;
  let hasStarted = false;

  const checked = (): Checked => ({
    ...{ options, handlers: handlers.counts(), path },
    isProduction: environment === 'production',
  });

  function setPath(mounted: string): void {
    if (path !== null) return;
    path = mounted;
    if (url === null || isPathOf(url, path)) return;
    log.warn({}, `receiver: ${pathMessage(url, path)}`);
  }

  function report(): void {
    const where = { endpoint, path: path ?? pathOf(url), inbox: nameOf(inbox) };
    log.info({ ...where, handlers: sumOf(handlers.counts()) }, 'receiver: started');
    if (environment === 'production' || environment === 'test') return;
    for (const { level, code, message } of findProblems(checked())) {
      // The path was reported when it became known.
      if (level !== 'info' && code !== 'path_differs') log[level]({ code }, `receiver: ${message}`);
    }
  }

  function warnIfClosed(): void {
    if (isClosed()) log.warn({}, CLOSED);
  }

  function start(): void {
    warnIfClosed();
    if (isClosed() || hasStarted) return;
    hasStarted = true;
    queueMicrotask(report); // handlers may be registered in the same tick
  }

  return {
    handlersChanged() {
      warnIfClosed();
      unused.handlersChanged();
    },
    start() {
      unused.started();
      start();
    },
    mount(mounted) {
      unused.used();
      if (mounted !== undefined && !isClosed()) setPath(mounted);
      start();
    },
    used: unused.used,
    isPathKnown: () => path !== null,
    afterDelivery(request, reply) {
      const delivered = readOr(() => new URL(request.url, 'http://localhost').pathname, undefined);
      if (reply.status === 200 && delivered !== undefined) setPath(delivered);
      return reply;
    },
    checked,
  };
}

function sumOf(counts: HandlerCounts): number {
  return Object.values(counts).reduce((sum, one) => sum + one, 0);
}

/** The path that deliveries should have, while it is unknown where the receiver is mounted. */
function pathOf(url: string | null): string | undefined {
  return url === null ? undefined : `${new URL(url).pathname} (of url)`;
}

/** `undefined` on runtimes without `process`. */
function nodeEnvironment(): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return readOr(() => process?.env?.['NODE_ENV'], undefined);
}
