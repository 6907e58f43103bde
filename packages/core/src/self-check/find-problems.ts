// What is wrong or risky about a receiver. Used by receiver.check(), and printed when it starts.
import type { HandlerCounts } from '../handlers/handlers.ts';
import type { Inbox } from '../inbox/ports.ts';

/** Something that `receiver.check()` found. */
export interface Finding {
  /** `error`: events are not received or handled. `warn`: some are not. `info`: good to know. */
  readonly level: 'error' | 'warn' | 'info';
  readonly code: FindingCode;
  /** What is wrong, and what to do. */
  readonly message: string;
}

/** What can be found. Codes are stable; messages may change. */
export type FindingCode =
  | 'inbox_unavailable'
  | 'inbox_not_durable'
  | 'no_handlers'
  | 'no_success_handler'
  | 'no_failure_handler'
  | 'insecure'
  | 'url_missing'
  | 'url_not_https'
  | 'url_not_public'
  | 'path_differs'
  | 'reply_timeout_too_long'
  | 'url_unreachable'
  | 'url_answered_by_another';

/** The options of a receiver that are checked. */
export interface CheckedOptions {
  readonly inbox: Inbox;
  readonly consume: boolean;
  readonly url: string | null;
  readonly secrets: readonly string[] | null;
  readonly limits: { readonly replyTimeoutMs: number };
}

/** What the checks read. */
export interface Checked {
  readonly options: CheckedOptions;
  readonly handlers: HandlerCounts;
  /** Path that the adapter was mounted on, or on which a delivery arrived; `null` if unknown. */
  readonly path: string | null;
  readonly isProduction: boolean;
}

/** Milliseconds that Novita waits for a reply. */
const NOVITA_WAITS_MS = 5000;

export const finding = (level: Finding['level'], code: FindingCode, message: string): Finding => ({
  level,
  code,
  message,
});

/** Checks what is known without asking the inbox or the network. */
export function findProblems(checked: Checked): Finding[] {
  return [...ofHandlers(checked), ...ofInbox(checked), ...ofUrl(checked), ...ofLimits(checked)];
}

function ofHandlers({ options: { consume }, handlers }: Checked): Finding[] {
  const { succeeded, failed, finished } = handlers;
  if (!consume || finished > 0) return [];
  if (succeeded + failed === 0) {
    return [
      finding(
        'warn',
        'no_handlers',
        'no handler for results is registered, so events wait in the inbox. Register onTaskSucceeded and onTaskFailed.',
      ),
    ];
  }
  if (failed === 0) {
    return [
      finding(
        'warn',
        'no_failure_handler',
        'no handler for failed tasks is registered, so they become done without one. Register onTaskFailed.',
      ),
    ];
  }
  if (succeeded > 0) return [];
  return [
    finding(
      'warn',
      'no_success_handler',
      'no handler for succeeded tasks is registered, so they become done without one. Register onTaskSucceeded.',
    ),
  ];
}

function ofInbox({ options: { inbox }, isProduction }: Checked): Finding[] {
  if (inbox.capabilities.durable) return [];
  const level = isProduction ? 'warn' : 'info';
  return [
    finding(
      level,
      'inbox_not_durable',
      `the ${nameOf(inbox)} inbox loses its events when the process ends. Pass a durable inbox, such as sqliteInbox({ path }).`,
    ),
  ];
}

/** The name of an inbox for logs. */
export function nameOf({ name = 'custom' }: { readonly name?: string }): string {
  return name;
}

function ofUrl({ options: { url, secrets }, path }: Checked): Finding[] {
  if (url === null) {
    // A worker without a secret mints no callback URLs.
    if (secrets?.length === 0) return [];
    return [
      finding(
        'info',
        'url_missing',
        'without url, this process cannot make callback URLs. Pass url, the public address of the endpoint, where tasks are submitted.',
      ),
    ];
  }
  const { protocol, hostname } = new URL(url);
  const found: Finding[] = [];
  if (!isPublic(hostname)) {
    found.push(
      finding(
        'info',
        'url_not_public',
        `url has the host ${hostname}, which Novita cannot reach. Use a public address, a tunnel or the simulator.`,
      ),
    );
  } else if (protocol === 'http:') {
    found.push(
      finding(
        'warn',
        'url_not_https',
        'url is not encrypted: its tokens can be read on the way. Use https.',
      ),
    );
  }
  if (path !== null && !isPathOf(url, path)) {
    found.push(finding('warn', 'path_differs', pathMessage(url, path)));
  }
  return found;
}

/** What to say if the endpoint is mounted on another path than that of `url`. */
export function pathMessage(url: string, path: string): string {
  return `url has the path ${new URL(url).pathname}, but the webhooks are mounted on ${path}, so deliveries may not arrive. Make both the same, unless a proxy rewrites the path.`;
}

/** Whether requests to `url` can arrive at `path`. A router or proxy may cut the beginning off. */
export function isPathOf(url: string, path: string): boolean {
  const trim = (text: string) => text.replace(/\/+$/, '');
  return trim(new URL(url).pathname).endsWith(trim(path));
}

function isPublic(hostname: string): boolean {
  const isPrivate =
    /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|0\.|\[(::1?\]|f[cd]|fe80))/i;
  return (
    !isPrivate.test(hostname) &&
    /[.:]/.test(hostname) &&
    !/\.(local|localhost|internal|test)$/i.test(hostname)
  );
}

function ofLimits({ options: { limits, secrets } }: Checked): Finding[] {
  const found: Finding[] = [];
  if (secrets === null) {
    found.push(
      finding(
        'warn',
        'insecure',
        'insecure: true accepts events from any sender. Pass a secret, unless strangers cannot reach this endpoint.',
      ),
    );
  }
  if (limits.replyTimeoutMs > NOVITA_WAITS_MS) {
    found.push(
      finding(
        'warn',
        'reply_timeout_too_long',
        `limits.replyTimeoutMs is ${limits.replyTimeoutMs}, but Novita waits ${NOVITA_WAITS_MS} ms and then repeats the delivery. Use less than ${NOVITA_WAITS_MS}.`,
      ),
    );
  }
  return found;
}
