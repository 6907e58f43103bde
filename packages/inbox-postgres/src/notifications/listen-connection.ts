import type { Database } from '../client/database.ts';
import { sleep } from '../client/sleep.ts';

export interface ListeningOptions {
  readonly database: Database;
  readonly channel: string;
  /** How often the connection is asked whether it is still there: it may be half-open. */
  readonly checkMs: number;
  /** Called once, when from then on everything is heard. */
  readonly onListening: () => void;
  readonly onHeard: (payload: string | undefined) => void;
  readonly signal: AbortSignal;
}

interface Notification {
  readonly channel: string;
  readonly payload?: string | undefined;
}

/**
 * Listens on a connection out of the pool, until the signal or until it ends.
 *
 * @throws what the driver throws, also when the connection turns out to be half-open
 */
export async function listenOnce(options: ListeningOptions): Promise<void> {
  const { database, channel, checkMs, onListening, onHeard, signal } = options;
  const client = await database.connect('aside');
  const ended = new AbortController();
  const end = () => ended.abort();
  const hear = (message: unknown) => {
    const { channel: where, payload } = message as Notification;
    if (where === channel) onHeard(payload);
  };
  client.on?.('notification', hear);
  client.on?.('end', end);
  client.on?.('error', end);
  signal.addEventListener('abort', end);
  if (signal.aborted) end(); // while it waited for a client
  try {
    if (ended.signal.aborted) return;
    await database.ask(client, 'LISTEN novita_webhooks');
    onListening();
    await checkUntil(ended.signal, () => database.ask(client, 'SELECT 1'), checkMs);
  } finally {
    signal.removeEventListener('abort', end);
    client.removeListener?.('notification', hear);
    client.removeListener?.('end', end);
    client.removeListener?.('error', end);
    // Closed, since nobody else should find themselves listening.
    database.giveBack(client, new Error('not listening any more'));
  }
}

async function checkUntil(
  signal: AbortSignal,
  check: () => Promise<unknown>,
  checkMs: number,
): Promise<void> {
  for (;;) {
    await sleep(checkMs, signal);
    if (signal.aborted) return;
    await check();
  }
}
