// Says at start what a durable inbox holds from before: silence would look as if it were lost.
import type { Inbox, InboxStats } from '../inbox/ports.ts';
import type { Logger } from '../shared/logger.ts';

interface BacklogParts {
  readonly inbox: Inbox;
  readonly consume: boolean;
  readonly log: Logger;
  readonly isClosed: () => boolean;
}

/**
 * Counts the entries at once, before this process claims any. Returns a function that logs them when the
 * inbox has answered. An inbox that fails says so elsewhere.
 */
export function countBacklog({ inbox, consume, log, isClosed }: BacklogParts): () => void {
  const { durable, addOnly = false } = inbox.capabilities;
  if (!durable || addOnly || !consume) return () => undefined;
  const read = async () => inbox.stats();
  const counts = read().catch(() => null);
  return () =>
    void counts.then((stats) => {
      const line = stats === null || isClosed() ? null : toLine(stats);
      if (line !== null) log.info(...line);
    });
}

const TAKEOVER =
  'A running one of a process that died is taken over when its lease has ended, by default within 60 s.';

function toLine({ pending, running, dead }: InboxStats): Parameters<Logger['info']> | null {
  if (pending + running + dead === 0) return null;
  const parts = [
    'receiver: the inbox holds entries from before.',
    ...(running > 0 ? [TAKEOVER] : []),
    ...(dead > 0 ? ['Dead ones wait for inbox.replay().'] : []),
  ];
  return [{ pending, running, dead }, parts.join(' ')];
}
