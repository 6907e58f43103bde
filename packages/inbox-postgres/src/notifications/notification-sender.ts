import type { Database } from '../client/database.ts';

/** Notifies other processes that an endpoint may have an entry to claim. */
export interface NotificationSender {
  notify(endpoint: string): void;
  /** Resolves when nothing is left to send. */
  close(): Promise<void>;
}

/** Limits the rate: a busy worker polls after each entry without any notification. */
const MIN_INTERVAL_MS = 20;

/**
 * Sends `NOTIFY` outside the transactions of the entries: a commit with a notification waits for every
 * other such commit of the cluster. Polling finds the entries of a notification that fails.
 */
export function createNotificationSender({ query }: Database, channel: string): NotificationSender {
  const pending = new Set<string>();
  let sending: Promise<void> | undefined;

  async function send(): Promise<void> {
    while (pending.size > 0) {
      const endpoints = [...pending];
      pending.clear();
      try {
        await query(NOTIFY, [channel, JSON.stringify(endpoints)]);
      } catch {
        // Other processes poll.
      }
      await new Promise<void>((resolve) => setTimeout(resolve, MIN_INTERVAL_MS));
    }
    sending = undefined;
  }

  return {
    notify(endpoint) {
      pending.add(endpoint);
      sending ??= send();
    },
    async close() {
      await sending;
    },
  };
}

const NOTIFY = `
SELECT pg_notify($1::text, endpoint) FROM json_array_elements_text($2::text::json) AS endpoint`;
