import type { Clock, EntryKey } from '@novita-webhooks/core';

import type { StoredRow } from './nats-table.ts';

/** A pending or running row. */
interface OpenRow extends EntryKey {
  readonly revision: number;
  /** The order of claims: milliseconds since 1970. */
  readonly dueAt: number;
  /** When it can be claimed, on the monotonic clock of this process. */
  readonly readyAt: number;
  /** Whether the next claim takes it over. */
  readonly isTakeover: boolean;
}

/** The open rows that this process has seen. It can be out of date: the revision of a write decides. */
export interface OpenRows {
  /** Records a row. Returns whether a claim may find it now. */
  update(row: StoredRow): boolean;
  remove(key: EntryKey): void;
  /** Removes and returns rows that are due, the longest due first. A takeover is returned alone. */
  takeDue(endpoint: string, limit: number): OpenRow[];
  /** Puts back a row that was not claimed, unless a newer one was recorded. */
  putBack(row: OpenRow): void;
  /** Milliseconds until a row is due; `null` if no row is open. */
  nextDueMs(endpoint: string): number | null;
}

export function createOpenRows(clock: Clock): OpenRows {
  const rows = new Map<string, OpenRow>();
  const monotonicMs = () => clock.monotonic?.() ?? clock.now();
  const ofEndpoint = (endpoint: string) =>
    [...rows.values()].filter((row) => row.endpoint === endpoint);

  return {
    update({ entry, leaseDurationMs, isOverdue, revision }) {
      const known = rows.get(idOf(entry));
      if (known !== undefined && known.revision >= revision) return false;
      const { endpoint, taskId, state } = entry;
      if (state === 'done' || state === 'dead') {
        rows.delete(idOf(entry));
        return false;
      }
      // A lease has expired when this process has seen the row unchanged for its duration. So clocks of
      // two machines are never compared. Due times of retries are: an early retry does no harm. From then
      // on the row waits on the monotonic clock, so it is not late if the clock is set back.
      const dueAt = entry.dueAt ?? 0;
      const waitMs = state === 'running' ? leaseDurationMs : dueAt - clock.now();
      const readyAt = monotonicMs() + waitMs;
      const isTakeover = state === 'running' && isOverdue;
      rows.set(idOf(entry), { endpoint, taskId, revision, dueAt, readyAt, isTakeover });
      return waitMs <= 0;
    },
    remove: (key) => void rows.delete(idOf(key)),
    takeDue(endpoint, limit) {
      const now = monotonicMs();
      const due = ofEndpoint(endpoint).filter(({ readyAt }) => readyAt <= now);
      const first = due.sort((one, other) => one.dueAt - other.dueAt).slice(0, limit);
      const takeover = first.findIndex(({ isTakeover }) => isTakeover);
      const taken = takeover === -1 ? first : first.slice(0, Math.max(1, takeover));
      for (const row of taken) rows.delete(idOf(row));
      return taken;
    },
    putBack(row) {
      if (!rows.has(idOf(row))) rows.set(idOf(row), row);
    },
    nextDueMs(endpoint) {
      const open = ofEndpoint(endpoint);
      if (open.length === 0) return null;
      const first = open.reduce((least, { readyAt }) => Math.min(least, readyAt), Infinity);
      return Math.max(0, first - monotonicMs());
    },
  };
}

function idOf({ endpoint, taskId }: EntryKey): string {
  return JSON.stringify([endpoint, taskId]);
}
