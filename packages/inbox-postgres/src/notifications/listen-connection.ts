import type { Database } from '../client/database.ts';
import { sleep } from '../client/sleep.ts';

export interface ListenOptions {
  readonly database: Database;
  readonly channel: string;
  /** How often a query checks that the connection is not half-open, in milliseconds. */
  readonly checkIntervalMs: number;
  /** Called once: from now on no notification is missed. */
  readonly onListening: () => void;
  readonly onNotification: (payload: string | undefined) => void;
  readonly signal: AbortSignal;
}

interface Notification {
  readonly channel: string;
  readonly payload?: string | undefined;
}

/**
 * Listens on one connection of the pool until it ends or the signal is aborted.
 *
 * @throws the error of the driver; an error after `queryTimeoutMs` if the connection is half-open
 */
export async function listenOnConnection(options: ListenOptions): Promise<void> {
  const { database, channel, checkIntervalMs, onListening, onNotification, signal } = options;
  const client = await database.acquireClient('reserved');
  const ended = new AbortController();
  const end = () => ended.abort();
  const receive = (message: unknown) => {
    const notification = message as Notification;
    if (notification.channel === channel) onNotification(notification.payload);
  };
  client.on?.('notification', receive);
  client.on?.('end', end);
  client.on?.('error', end);
  signal.addEventListener('abort', end);
  if (signal.aborted) end(); // while it waited for a client
  try {
    if (ended.signal.aborted) return;
    await database.queryOn(client, 'LISTEN novita_webhooks');
    onListening();
    await checkUntil(ended.signal, () => database.queryOn(client, 'SELECT 1'), checkIntervalMs);
  } finally {
    signal.removeEventListener('abort', end);
    client.removeListener?.('notification', receive);
    client.removeListener?.('end', end);
    client.removeListener?.('error', end);
    // Closed: its next user would receive notifications.
    database.releaseClient(client, new Error('no longer listening'));
  }
}

async function checkUntil(
  signal: AbortSignal,
  check: () => Promise<unknown>,
  intervalMs: number,
): Promise<void> {
  for (;;) {
    await sleep(intervalMs, signal);
    if (signal.aborted) return;
    await check();
  }
}
