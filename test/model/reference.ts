import type {
  Claim,
  Clock,
  Entry,
  EntryKey,
  EntryQuery,
  ClaimRef,
  InboxStats,
  NewEntry,
  Outcome,
  Retention,
} from '@novita-webhooks/core';

interface Row {
  readonly order: number;
  entry: Entry;
  fence: string | null;
  isOverdue: boolean;
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
  const held = (claimRef: ClaimRef) =>
    [find(claimRef)].find((row) => row?.fence === claimRef.fencingToken);
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
    finishedAt: null,
  });

  function lease(row: Row, leaseDurationMs: number): Claim {
    const { entry } = row;
    const dueAt = clock.now() + leaseDurationMs;
    row.isOverdue = false;
    row.entry = { ...entry, state: 'running', attempts: entry.attempts + 1, dueAt };
    row.fence = String((fences += 1));
    const isTakeover = entry.state === 'running';
    return { ...row.entry, fencingToken: row.fence, isTakeover };
  }

  return {
    add(entry: NewEntry): 'added' | 'duplicate' {
      const found = find(entry);
      const givesWay = found?.entry.schemaError != null && found.entry.state !== 'done';
      if (found && !(givesWay && entry.schemaError === null)) return 'duplicate';
      if (found) remove(found);
      rows.push({
        order: ++orders,
        entry: { ...entry, ...fresh(), succeededHandlers: [] },
        fence: null,
        isOverdue: false,
      });
      return 'added';
    },
    /** What is due at an endpoint, the longest due first. */
    due: (endpoint: string): readonly Entry[] =>
      rows
        .map(({ entry }) => entry)
        .filter((entry) => entry.endpoint === endpoint && (entry.dueAt ?? Infinity) <= clock.now())
        .sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0)),
    claim(endpoint: string, limit: number, leaseDurationMs: number): Claim[] {
      const rowsDue = this.due(endpoint).flatMap((entry) => find(entry) ?? []);
      const claims: Claim[] = [];
      for (const row of rowsDue.slice(0, limit)) {
        if (row.entry.state === 'pending') claims.push(lease(row, leaseDurationMs));
        else if (!row.isOverdue) {
          row.isOverdue = true;
          row.entry = { ...row.entry, dueAt: clock.now() + leaseDurationMs / 2 };
        } else if (claims.length > 0) break;
        else return [lease(row, leaseDurationMs)];
      }
      return claims;
    },
    claimOne(key: EntryKey, leaseDurationMs: number): Claim | undefined {
      const row = find(key);
      return row?.entry.state === 'pending' ? lease(row, leaseDurationMs) : undefined;
    },
    promote(key: EntryKey): void {
      const row = find(key);
      if (row?.entry.state === 'pending') row.entry = { ...row.entry, dueAt: clock.now() };
    },
    extend(claimRef: ClaimRef, leaseDurationMs: number): boolean {
      const row = held(claimRef);
      if (!row) return false;
      row.isOverdue = false;
      row.entry = { ...row.entry, dueAt: clock.now() + leaseDurationMs };
      return true;
    },
    settle(claimRef: ClaimRef, outcome: Outcome): boolean {
      const row = held(claimRef);
      if (!row) return false;
      const { attempts, succeededHandlers, reason } = row.entry;
      const isFinal = outcome.type === 'done' || outcome.type === 'dead';
      row.fence = null;
      row.entry = {
        ...row.entry,
        state: isFinal ? outcome.type : 'pending',
        attempts: outcome.type === 'released' ? attempts - 1 : attempts,
        succeededHandlers:
          outcome.type === 'done'
            ? succeededHandlers
            : [...new Set([...succeededHandlers, ...outcome.succeededHandlers])],
        reason:
          outcome.type === 'done' ? null : outcome.type === 'released' ? reason : outcome.reason,
        dueAt: isFinal ? null : clock.now() + outcome.delayMs,
        finishedAt: isFinal ? clock.now() : null,
      };
      return true;
    },
    transaction(claimRef: ClaimRef, handler: string, work: () => unknown): unknown {
      const row = held(claimRef);
      if (!row) return 'lease_lost';
      const result = work();
      row.entry = {
        ...row.entry,
        succeededHandlers: [...new Set([...row.entry.succeededHandlers, handler])],
      };
      return result;
    },
    replay(key: EntryKey): boolean {
      const row = find(key);
      if (!row || !SETTLED.includes(row.entry.state)) return false;
      const succeededHandlers = row.entry.state === 'done' ? [] : row.entry.succeededHandlers;
      row.entry = { ...row.entry, ...fresh(), succeededHandlers };
      return true;
    },
    discard(key: EntryKey): boolean {
      const row = find(key);
      if (!row || row.entry.state === 'running') return false;
      remove(row);
      return true;
    },
    deleteExpired({ doneMs, deadMs }: Retention): number {
      const isOver = ({ entry: { state, finishedAt } }: Row) =>
        finishedAt !== null && finishedAt <= clock.now() - (state === 'done' ? doneMs : deadMs);
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
