// What is wrong or risky about a receiver. Used by receiver.check(), and printed when it starts.
import type { HandlerCounts } from '../handlers/handlers.ts';
import type { Inbox } from '../inbox/ports.ts';
import { finding, type Finding } from './finding.ts';

/** The options of a receiver that are checked. */
export interface CheckedOptions {
  readonly inbox: Inbox;
  readonly consume: boolean;
  readonly ack: 'accepted' | 'handled' | null;
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
        'no_handlers',
        'no handler for results is registered, so events wait in the inbox. Register onTaskSucceeded and onTaskFailed.',
      ),
    ];
  }
  if (failed === 0) {
    return [
      finding(
        'no_failure_handler',
        'no handler for failed tasks is registered, so they become done without one. Register onTaskFailed.',
      ),
    ];
  }
  if (succeeded > 0) return [];
  return [
    finding(
      'no_success_handler',
      'no handler for succeeded tasks is registered, so they become done without one. Register onTaskSucceeded.',
    ),
  ];
}

function ofInbox({ options: { inbox, ack }, isProduction }: Checked): Finding[] {
  if (inbox.capabilities.durable) return [];
  const name = `the ${nameOf(inbox)} inbox`;
  if (ack === 'handled') {
    const message = `${name} forgets dead letters, and which tasks are done, when the process ends. Pass a durable inbox, such as sqliteInbox({ path }), if that matters.`;
    return [finding('inbox_not_durable', message)];
  }
  const message = `${name} loses its events when the process ends. Pass a durable inbox, such as sqliteInbox({ path }).`;
  return [finding('inbox_not_durable', message, isProduction ? 'warn' : 'info')];
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
        'url_not_public',
        `url has the host ${hostname}, which Novita cannot reach. Use a public address, a tunnel or the simulator.`,
      ),
    );
  } else if (protocol === 'http:') {
    found.push(
      finding(
        'url_not_https',
        'url is not encrypted: its tokens can be read on the way. Use https.',
      ),
    );
  }
  if (path !== null && !isPathOf(url, path)) {
    found.push(finding('path_differs', pathMessage(url, path)));
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

/** Whether `url` leads to this machine. */
export function isLoopback(url: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
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
        'insecure',
        'insecure: true accepts events from any sender. Pass a secret, unless strangers cannot reach this endpoint.',
      ),
    );
  }
  if (limits.replyTimeoutMs > NOVITA_WAITS_MS) {
    found.push(
      finding(
        'reply_timeout_too_long',
        `limits.replyTimeoutMs is ${limits.replyTimeoutMs}, but Novita waits ${NOVITA_WAITS_MS} ms and then repeats the delivery. Use less than ${NOVITA_WAITS_MS}.`,
      ),
    );
  }
  return found;
}
