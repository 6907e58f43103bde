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
import { countBacklog } from './backlog-line.ts';
import { createStartProbe } from './start-probe.ts';
import { createTooMany } from './too-many.ts';
import { createUnusedWarning } from './unused-warning.ts';

/** Reports a start once, and knows the path on which the receiver is mounted. */
export interface StartReport {
  /** Called when the receiver starts. */
  start(): void;
  /** Called when an adapter takes the receiver. */
  mount(path?: string): void;
  /** Called by what needs neither: accepting, `processEntry()`, the inbox. */
  used(): void;
  /** Called when a callback URL is made. */
  minted(): void;
  closed(): void;
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
  /** A callback URL of the receiver. */
  readonly mintUrl: () => Promise<string>;
}

const CLOSED =
  'receiver: used after close(), so it handles nothing. Register handlers and start before, or create another receiver.';

export function createStartReport(
  options: CheckedOptions & { readonly endpoint: string; readonly clock: Clock },
  { handlers, log, isClosed, mintUrl }: StartReportParts,
): StartReport {
  const { url, endpoint } = options;
  const { isProduction, isDevelopment } = readEnvironment();
  const path = createMountPath(url, log);
  const ofProbe = { ...options, log, mintUrl, isPathWrong: path.isWrong };
  const probe = createStartProbe({ ...ofProbe, isEnabled: isDevelopment });
  const unused = createUnusedWarning({ ...options, log, handlers });
  const tooMany = createTooMany(endpoint, log);
  let hasStarted = false;

  const checked = (): Checked => {
    return { options, handlers: handlers.counts(), path: path.get(), isProduction };
  };

  function warnIfClosed(): void {
    if (isClosed()) log.warn({}, CLOSED);
  }

  function start(): void {
    warnIfClosed();
    if (isClosed() || hasStarted) return;
    hasStarted = true;
    tooMany.started();
    const logBacklog = countBacklog({ ...options, log, isClosed });
    // Handlers may be registered in the same tick.
    queueMicrotask(() => {
      logStart(log, endpoint, checked());
      logBacklog();
      if (isDevelopment) logProblems(log, checked());
    });
  }

  return {
    handlersChanged() {
      warnIfClosed();
      unused.handlersChanged();
      tooMany.handlersChanged(sumOf(handlers.counts()), handlers.isRepeated());
    },
    start() {
      unused.started();
      start();
      if (!isClosed()) probe.started();
    },
    mount(mounted) {
      unused.used();
      probe.mounted();
      if (mounted !== undefined && !isClosed()) path.set(mounted);
      start();
    },
    used: unused.used,
    minted: unused.minted,
    closed() {
      unused.used();
      probe.cancel();
      tooMany.closed();
    },
    isPathKnown: () => path.get() !== null,
    afterDelivery: path.afterDelivery,
    checked,
  };
}

function logStart(log: Logger, endpoint: string, { options, handlers, path }: Checked): void {
  const where = { endpoint, path: path ?? pathOf(options.url), inbox: nameOf(options.inbox) };
  log.info({ ...where, handlers: sumOf(handlers) }, 'receiver: started');
}

function logProblems(log: Logger, checked: Checked): void {
  for (const { level, code, message } of findProblems(checked)) {
    // The path was reported when it became known.
    if (level !== 'info' && code !== 'path_differs') log[level]({ code }, `receiver: ${message}`);
  }
}

/** Where the receiver is mounted, as soon as that is known. */
function createMountPath(url: string | null, log: Logger) {
  let path: string | null = null;
  let isWrong = false;

  function set(mounted: string): void {
    if (path !== null) return;
    path = mounted;
    if (url === null || isPathOf(url, path)) return;
    isWrong = true;
    log.warn({}, `receiver: ${pathMessage(url, path)}`);
  }

  return {
    get: (): string | null => path,
    isWrong: () => isWrong,
    set,
    /** See `StartReport`. */
    afterDelivery(request: WebhookRequest, reply: WebhookReply): WebhookReply {
      const delivered = readOr(() => new URL(request.url, 'http://localhost').pathname, undefined);
      if (reply.status === 200 && delivered !== undefined) set(delivered);
      return reply;
    },
  };
}

function sumOf(counts: HandlerCounts): number {
  return Object.values(counts).reduce((sum, one) => sum + one, 0);
}

/** The path that deliveries should have, while it is unknown where the receiver is mounted. */
function pathOf(url: string | null): string | undefined {
  return url === null ? undefined : `${new URL(url).pathname} (of url)`;
}

/** Without `process`, as on some runtimes, it counts as development. */
function readEnvironment() {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const name = readOr(() => process?.env?.['NODE_ENV'], undefined);
  const isProduction = name === 'production';
  return { isProduction, isDevelopment: !isProduction && name !== 'test' };
}
