import type {
  Claim,
  Clock,
  Entry,
  EntryFilter,
  EntryKey,
  EntryQuery,
  EntryTarget,
  ClaimRef,
  InboxStats,
  AddAnswer,
  NewEntry,
  Outcome,
  ReplayHandlers,
  Retention,
} from '@novita-webhooks/core';

interface Row {
  readonly order: number;
  entry: Entry;
  fencingToken: string | null;
  isOverdue: boolean;
}

const FINISHED = ['done', 'dead'];

/**
 * The reference implementation of a store: an array that each operation searches from the start. It
 * is short enough to verify by reading. It has no limits. A cursor is the order number of an entry.
 */
export function createReference(clock: Clock) {
  let rows: Row[] = [];
  let orders = 0;
  let tokens = 0;

  const find = ({ endpoint, taskId }: EntryKey) =>
    rows.find(({ entry }) => entry.endpoint === endpoint && entry.taskId === taskId);
  const findUnchanged = ({ replays, finishedAt, ...key }: EntryTarget) =>
    [find(key)].find(
      (row) =>
        (replays === undefined || row?.entry.replays === replays) &&
        (finishedAt === undefined || row?.entry.finishedAt === finishedAt),
    );
  const findClaimed = (claimRef: ClaimRef) =>
    [find(claimRef)].find((row) => row?.fencingToken === claimRef.fencingToken);
  const remove = (removed: Row) => void (rows = rows.filter((row) => row !== removed));
  const count = (state: Entry['state']) =>
    rows.filter(({ entry }) => shown(entry) === state).length;
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
    row.fencingToken = String((tokens += 1));
    const isTakeover = entry.state === 'running';
    return { ...row.entry, fencingToken: row.fencingToken, isTakeover };
  }

  return {
    add(entry: NewEntry): AddAnswer {
      const found = find(entry);
      const isReplaceable = found?.entry.schemaError != null && found.entry.state !== 'done';
      if (found && !(isReplaceable && entry.schemaError === null)) return 'duplicate';
      const { tokenId, taskId } = entry;
      const isTaken = (other: Entry) => other.tokenId === tokenId && other.taskId !== taskId;
      if (tokenId?.startsWith('once:') && rows.some((row) => isTaken(row.entry)))
        return 'other_task';
      if (found && isForeign(entry, found.entry)) return 'other_task';
      if (found) remove(found);
      rows.push({
        order: ++orders,
        entry: {
          ...{ ...inherit(entry, found?.entry), ...fresh(), succeededHandlers: [], attemptLog: [] },
          ...{ replays: 0, partialReplay: null, originalBody: null },
        },
        fencingToken: null,
        isOverdue: false,
      });
      return 'added';
    },
    /** The due entries of an endpoint, the oldest due time first. */
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
      const row = findClaimed(claimRef);
      if (!row) return false;
      row.isOverdue = false;
      row.entry = { ...row.entry, dueAt: clock.now() + leaseDurationMs };
      return true;
    },
    settle(claimRef: ClaimRef, outcome: Outcome): boolean {
      const row = findClaimed(claimRef);
      if (!row) return false;
      const { attempts, succeededHandlers, reason } = row.entry;
      const isFinal = outcome.type === 'done' || outcome.type === 'dead';
      row.fencingToken = null;
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
        attemptLog: outcome.attemptLog ?? row.entry.attemptLog,
      };
      return true;
    },
    transaction(claimRef: ClaimRef, handler: string, work: () => unknown): unknown {
      const row = findClaimed(claimRef);
      if (!row) return 'lease_lost';
      const result = work();
      row.entry = {
        ...row.entry,
        succeededHandlers: [...new Set([...row.entry.succeededHandlers, handler])],
      };
      return result;
    },
    replayEntries(targets: readonly EntryTarget[], { handlers }: ReplayHandlers = {}): number {
      const found = targets.flatMap((target) => findUnchanged(target) ?? []);
      const finished = found.filter(({ entry }) => FINISHED.includes(entry.state));
      for (const row of finished) {
        const { state, succeededHandlers, reason, replays } = row.entry;
        const isDead = state === 'dead';
        const kept = isDead ? succeededHandlers.filter((name) => !handlers?.includes(name)) : [];
        const partialReplay = handlers ? { handlers, deadReason: isDead ? reason : null } : null;
        row.entry = { ...row.entry, ...fresh(), succeededHandlers: kept, partialReplay };
        row.entry = { ...row.entry, replays: replays + 1 };
      }
      return finished.length;
    },
    discardEntries(targets: readonly EntryTarget[]): number {
      const found = targets.flatMap((target) => findUnchanged(target) ?? []);
      const removed = found.filter(({ entry }) => entry.state !== 'running');
      for (const row of removed) remove(row);
      return removed.length;
    },
    deleteExpired({ doneMs, deadMs }: Retention): number {
      const isExpired = ({ entry: { state, finishedAt } }: Row) =>
        finishedAt !== null && finishedAt <= clock.now() - (state === 'done' ? doneMs : deadMs);
      const before = rows.length;
      rows = rows.filter((row) => !isExpired(row));
      return before - rows.length;
    },
    get: (key: EntryKey): Entry | undefined => find(key)?.entry,
    list: ({ limit = 100, cursor, order = 'newest', bodies = true, ...filter }: EntryQuery) => {
      const isBeyond = (row: Row) =>
        cursor === undefined ||
        (order === 'newest' ? row.order < Number(cursor) : row.order > Number(cursor));
      const found = rows.filter(isBeyond).filter(({ entry }) => isMatch(entry, filter));
      if (order === 'newest') found.reverse();
      const page = found.slice(0, limit);
      return {
        entries: page.map(({ entry }) =>
          bodies ? entry : { ...entry, body: '', originalBody: null },
        ),
        cursor: found.length > limit ? String(page.at(-1)?.order) : null,
      };
    },
    stats(): InboxStats {
      const lagMs = Math.max(0, clock.now() - Math.min(Infinity, ...dueTimes()));
      const [expected, pending, running] = [count('expected'), count('pending'), count('running')];
      return { expected, pending, running, done: count('done'), dead: count('dead'), lagMs };
    },
    nextDueMs(endpoint: string): number | null {
      const first = Math.min(Infinity, ...dueTimes(endpoint));
      return first === Infinity ? null : Math.max(0, first - clock.now());
    },
  };
}

const isAwaited = (entry: NewEntry) => entry.source === 'expectation' && entry.schemaError !== null;

/** The state in lists and counts. */
const shown = (entry: Entry): Entry['state'] =>
  isAwaited(entry) && !FINISHED.includes(entry.state) ? 'expected' : entry.state;

/** Whether a delivery has another token than the expectation whose place it would take. */
const isForeign = (entry: NewEntry, found: Entry) =>
  isAwaited(found) &&
  found.tokenId !== null &&
  entry.source === 'delivery' &&
  entry.tokenId !== found.tokenId;

function inherit(entry: NewEntry, found: Entry | undefined): NewEntry {
  if (found === undefined || !isAwaited(found)) return entry;
  const metadata = Object.keys(found.metadata).length > 0 ? found.metadata : entry.metadata;
  const tokenId = entry.testMode && !found.testMode ? null : (entry.tokenId ?? found.tokenId);
  return { ...entry, metadata, tokenId, traceparent: entry.traceparent ?? found.traceparent };
}

/** Whether an entry matches, as the documentation of `EntryFilter` says. */
export function isMatch(entry: Entry, filter: EntryFilter): boolean {
  const { metadata = {}, receivedFrom, receivedTo, finishedFrom, finishedTo } = filter;
  const { finishedAt, receivedAt, reason } = entry;
  const is = <T>(wanted: T | undefined, value: T) => wanted === undefined || wanted === value;
  return (
    is(filter.endpoint, entry.endpoint) &&
    (filter.states === undefined || filter.states.includes(shown(entry))) &&
    is(filter.taskType, entry.taskType) &&
    is(filter.status, entry.status) &&
    (filter.reasonContains === undefined || (reason?.includes(filter.reasonContains) ?? false)) &&
    (filter.errorGroup === undefined || filter.errorGroup === toGroup(reason)) &&
    Object.entries(metadata).every(([key, value]) => entry.metadata[key] === value) &&
    (receivedFrom === undefined || receivedAt >= Number(receivedFrom)) &&
    (receivedTo === undefined || receivedAt < Number(receivedTo)) &&
    (finishedFrom === undefined || (finishedAt ?? -1) >= Number(finishedFrom)) &&
    (finishedTo === undefined || (finishedAt ?? Infinity) < Number(finishedTo)) &&
    is(filter.schemaErrors, entry.schemaError !== null) &&
    is(filter.testEvents, entry.testMode) &&
    entry.taskId.includes(filter.taskIdContains ?? '')
  );
}

/** For the reasons of the model test: a status of HTTP stays, another number does not. */
export const toGroup = (reason: string | null) => reason?.replace(/(?<!HTTP )\b\d+/, '<n>');

export type Reference = ReturnType<typeof createReference>;
