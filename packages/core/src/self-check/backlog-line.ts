// Says at start what a durable inbox holds from before: silence would look as if it were lost.
import type { EntryPage, Inbox } from '../inbox/ports.ts';
import type { Logger } from '../shared/logger.ts';

interface BacklogParts {
  readonly endpoint: string;
  readonly inbox: Inbox;
  readonly consume: boolean;
  readonly log: Logger;
  readonly isClosed: () => boolean;
}

const STATES = ['pending', 'running', 'dead'] as const;
type Pages = Readonly<Record<(typeof STATES)[number], EntryPage>>;

/** Entries of one state that are counted: a start must not wait for a long list. */
const MAX_COUNTED = 100;

/**
 * Counts the entries of this endpoint at once, before this process claims any: other receivers may use the
 * same inbox. Returns a function that logs them when the inbox has answered. An inbox that fails says so
 * elsewhere.
 */
export function countBacklog(parts: BacklogParts): () => void {
  const { inbox, consume, log, isClosed } = parts;
  const { durable, addOnly = false } = inbox.capabilities;
  if (!durable || addOnly || !consume) return () => undefined;
  const read = firstPages(parts).catch(() => null);
  return () =>
    void read.then((pages) => {
      const line = pages === null || isClosed() ? null : toLine(pages);
      if (line !== null) log.info(...line);
    });
}

const TAKEOVER =
  'A running one of a process that died is taken over when its lease has ended, by default within 60 s.';

async function firstPages({ inbox, endpoint }: BacklogParts): Promise<Pages> {
  const read = (state: (typeof STATES)[number]) =>
    inbox.list({ endpoint, states: [state], limit: MAX_COUNTED, bodies: false });
  const [pending, running, dead] = await Promise.all(STATES.map(read));
  return { pending, running, dead } as Pages;
}

function toLine(pages: Pages): Parameters<Logger['info']> | null {
  const has = (state: keyof Pages) => pages[state].entries.length > 0;
  if (!STATES.some(has)) return null;
  const parts = [
    'receiver: the inbox holds entries from before.',
    ...(has('running') ? [TAKEOVER] : []),
    ...(has('dead') ? ['Dead ones wait for inbox.replay().'] : []),
  ];
  const counts = STATES.map((state) => [state, countOf(pages[state])] as const);
  return [Object.fromEntries(counts), parts.join(' ')];
}

function countOf({ entries, cursor }: EntryPage): number | string {
  return cursor === null ? entries.length : `${entries.length} or more`;
}
