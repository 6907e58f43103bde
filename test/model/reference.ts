import type {
  Claim,
  Clock,
  Entry,
  EntryKey,
  EntryQuery,
  Fence,
  InboxStats,
  NewEntry,
  Outcome,
  Retention,
} from '@novita-webhooks/core';

interface Row {
  readonly order: number;
  entry: Entry;
  fence: string | null;
}

const SETTLED = ['done', 'dead'];

/**
 * What a store promises, so short that one can see that it is right: an array, searched from its
 * beginning each time. Has no limits and no cursors; a page begins below an order.
 */
export function createReference(clock: Clock) {
  let rows: Row[] = [];
  let orders = 0;
  let fences = 0;

  const find = ({ endpoint, taskId }: EntryKey) =>
    rows.find(({ entry }) => entry.endpoint === endpoint && entry.taskId === taskId);
  const held = (fence: Fence) => [find(fence)].find((row) => row?.fence === fence.fence);
  const remove = (gone: Row) => void (rows = rows.filter((row) => row !== gone));
  const count = (state: Entry['state']) => rows.filter(({ entry }) => entry.state === state).length;
  const dueTimes = (endpoint?: string) =>
    rows
      .filter(({ entry }) => endpoint === undefined || entry.endpoint === endpoint)
      .flatMap(({ entry }) => entry.dueAt ?? []);
  const fresh = () => ({
    state: 'pending' as const,
    attempts: 0,
    reason: null,
    dueAt: clock.now(),
    settledAt: null,
  });

  function lease(row: Row, leaseMs: number): Claim {
    const { entry } = row;
    const dueAt = clock.now() + leaseMs;
    row.entry = { ...entry, state: 'running', attempts: entry.attempts + 1, dueAt };
    row.fence = String((fences += 1));
    return { ...row.entry, fence: row.fence };
  }

  return {
    add(entry: NewEntry): 'added' | 'duplicate' {
      const found = find(entry);
      const givesWay = found?.entry.drift != null && found.entry.state !== 'done';
      if (found && !(givesWay && entry.drift === null)) return 'duplicate';
      if (found) remove(found);
      rows.push({ order: ++orders, entry: { ...entry, ...fresh(), handled: [] }, fence: null });
      return 'added';
    },
    /** What is due at an endpoint, the longest due first. */
    due: (endpoint: string): readonly Entry[] =>
      rows
        .map(({ entry }) => entry)
        .filter((entry) => entry.endpoint === endpoint && (entry.dueAt ?? Infinity) <= clock.now())
        .sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0)),
    claim(endpoint: string, limit: number, leaseMs: number): Claim[] {
      const rowsDue = this.due(endpoint).flatMap((entry) => find(entry) ?? []);
      return rowsDue.slice(0, limit).map((row) => lease(row, leaseMs));
    },
    claimOne(key: EntryKey, leaseMs: number): Claim | undefined {
      const row = find(key);
      return row?.entry.state === 'pending' ? lease(row, leaseMs) : undefined;
    },
    hurry(key: EntryKey): void {
      const row = find(key);
      if (row?.entry.state === 'pending') row.entry = { ...row.entry, dueAt: clock.now() };
    },
    extend(fence: Fence, leaseMs: number): boolean {
      const row = held(fence);
      if (row) row.entry = { ...row.entry, dueAt: clock.now() + leaseMs };
      return row !== undefined;
    },
    settle(fence: Fence, outcome: Outcome): boolean {
      const row = held(fence);
      if (!row) return false;
      const { attempts, handled, reason } = row.entry;
      const isFinal = outcome.type === 'done' || outcome.type === 'dead';
      row.fence = null;
      row.entry = {
        ...row.entry,
        state: isFinal ? outcome.type : 'pending',
        attempts: outcome.type === 'released' ? attempts - 1 : attempts,
        handled: outcome.type === 'done' ? handled : [...new Set([...handled, ...outcome.handled])],
        reason:
          outcome.type === 'done' ? null : outcome.type === 'released' ? reason : outcome.reason,
        dueAt: isFinal ? null : clock.now() + outcome.delayMs,
        settledAt: isFinal ? clock.now() : null,
      };
      return true;
    },
    transaction(fence: Fence, handler: string, work: () => unknown): unknown {
      const row = held(fence);
      if (!row) return 'lease_lost';
      const result = work();
      row.entry = { ...row.entry, handled: [...new Set([...row.entry.handled, handler])] };
      return result;
    },
    replay(key: EntryKey): boolean {
      const row = find(key);
      if (!row || !SETTLED.includes(row.entry.state)) return false;
      const handled = row.entry.state === 'done' ? [] : row.entry.handled;
      row.entry = { ...row.entry, ...fresh(), handled };
      return true;
    },
    discard(key: EntryKey): boolean {
      const row = find(key);
      if (!row || row.entry.state === 'running') return false;
      remove(row);
      return true;
    },
    purge({ doneMs, deadMs }: Retention): number {
      const isOver = ({ entry: { state, settledAt } }: Row) =>
        settledAt !== null && settledAt <= clock.now() - (state === 'done' ? doneMs : deadMs);
      const before = rows.length;
      rows = rows.filter((row) => !isOver(row));
      return before - rows.length;
    },
    get: (key: EntryKey): Entry | undefined => find(key)?.entry,
    list: ({ endpoint, state, limit = 100, cursor }: EntryQuery) => {
      const found = rows
        .filter(({ order }) => cursor === undefined || order < Number(cursor))
        .filter(({ entry }) => endpoint === undefined || entry.endpoint === endpoint)
        .filter(({ entry }) => state === undefined || entry.state === state)
        .reverse();
      const page = found.slice(0, limit);
      return {
        entries: page.map(({ entry }) => entry),
        cursor: found.length > limit ? String(page.at(-1)?.order) : null,
      };
    },
    stats(): InboxStats {
      const lagMs = Math.max(0, clock.now() - Math.min(Infinity, ...dueTimes()));
      const [pending, running] = [count('pending'), count('running')];
      return { pending, running, done: count('done'), dead: count('dead'), lagMs };
    },
    nextDueMs(endpoint: string): number | null {
      const first = Math.min(Infinity, ...dueTimes(endpoint));
      return first === Infinity ? null : Math.max(0, first - clock.now());
    },
  };
}

export type Reference = ReturnType<typeof createReference>;
