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
import type { Handlers } from '../handlers/handlers.ts';
import type { Logger } from '../shared/logger.ts';
import { readOr } from '../shared/read-or.ts';

/** Reports a start once, and knows the path on which the receiver is mounted. */
export interface StartReport {
  /** Called when the receiver starts or an adapter takes it. */
  start(path?: string): void;
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
  options: CheckedOptions & { readonly endpoint: string },
  { handlers, log, isClosed }: StartReportParts,
): StartReport {
  const { url, endpoint, inbox } = options;
  const environment = nodeEnvironment();
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
    const count = Object.values(handlers.counts()).reduce((sum, one) => sum + one, 0);
    const mountedOn = path ?? (url === null ? undefined : new URL(url).pathname);
    const details = { endpoint, path: mountedOn, inbox: nameOf(inbox), handlers: count };
    log.info(details, 'receiver: started');
    if (environment === 'production' || environment === 'test') return;
    for (const { level, code, message } of findProblems(checked())) {
      // The path was reported when it became known.
      if (level !== 'info' && code !== 'path_differs') log[level]({ code }, `receiver: ${message}`);
    }
  }

  function warnIfClosed(): void {
    if (isClosed()) log.warn({}, CLOSED);
  }

  return {
    handlersChanged: warnIfClosed,
    start(mounted) {
      warnIfClosed();
      if (isClosed()) return;
      if (mounted !== undefined) setPath(mounted);
      if (hasStarted) return;
      hasStarted = true;
      queueMicrotask(report); // handlers may be registered in the same tick
    },
    isPathKnown: () => path !== null,
    afterDelivery(request, reply) {
      const delivered = readOr(() => new URL(request.url, 'http://localhost').pathname, undefined);
      if (reply.status === 200 && delivered !== undefined) setPath(delivered);
      return reply;
    },
    checked,
  };
}

/** `undefined` on runtimes without `process`. */
function nodeEnvironment(): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return readOr(() => process?.env?.['NODE_ENV'], undefined);
}
