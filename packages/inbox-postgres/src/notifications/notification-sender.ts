import type { Database } from '../client/database.ts';

/** Tells other processes that there may be something to do. */
export interface Notifier {
  notify(endpoint: string): void;
  /** Tells what is left to tell. */
  close(): Promise<void>;
}

/** While busy there is no need to wake anybody more often: they look again after each entry anyway. */
const PAUSE_MS = 20;

/**
 * Beside the transaction that it is about: a commit with a notification in it waits for that of
 * every other one in the cluster. One that fails is made good by polling.
 */
export function createNotifier({ query }: Database, channel: string): Notifier {
  const endpoints = new Set<string>();
  let telling: Promise<void> | undefined;

  async function tell(): Promise<void> {
    while (endpoints.size > 0) {
      const told = [...endpoints];
      endpoints.clear();
      try {
        await query(NOTIFY, [channel, JSON.stringify(told)]);
      } catch {
        // They will find it by themselves.
      }
      await new Promise<void>((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    telling = undefined;
  }

  return {
    notify(endpoint) {
      endpoints.add(endpoint);
      telling ??= tell();
    },
    async close() {
      await telling;
    },
  };
}

const NOTIFY = `
SELECT pg_notify($1::text, endpoint) FROM json_array_elements_text($2::text::json) AS endpoint`;
