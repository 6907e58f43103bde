import type { Clock, EntryKey } from '@novita-webhooks/core';

import type { KeptRow } from './nats-table.ts';

/** A row that waits for an attempt, or that a worker holds. */
interface OpenRow extends EntryKey {
  readonly revision: number;
  /** When it may be claimed, in milliseconds of this process's clock. */
  readonly dueAt: number;
}

/** What this process knows to be open. It may be behind: the revision decides, not this. */
export interface OpenRows {
  /** Returns whether there is something new that can be claimed now. */
  note(row: KeptRow): boolean;
  forget(key: EntryKey): void;
  /** Takes out rows that are due, the longest due first. */
  takeDue(endpoint: string, limit: number): OpenRow[];
  /** Puts back what was taken out and not claimed, unless more is known by now. */
  putBack(row: OpenRow): void;
  /** Milliseconds until something is due; `null` when nothing is open. */
  nextDueMs(endpoint: string): number | null;
}

export function createOpenRows(clock: Clock): OpenRows {
  const rows = new Map<string, OpenRow>();
  const ofEndpoint = (endpoint: string) =>
    [...rows.values()].filter((row) => row.endpoint === endpoint);

  return {
    note({ entry, leaseDurationMs, revision }) {
      const known = rows.get(idOf(entry));
      if (known !== undefined && known.revision >= revision) return false;
      const { endpoint, taskId, state } = entry;
      if (state === 'done' || state === 'dead') {
        rows.delete(idOf(entry));
        return false;
      }
      // A lease is over when it was watched unchanged for as long as it lasts: clocks of machines
      // are never compared. Those of retries may be: one that is early by a second harms nobody.
      const dueAt = state === 'running' ? clock.now() + leaseDurationMs : (entry.dueAt ?? 0);
      rows.set(idOf(entry), { endpoint, taskId, revision, dueAt });
      return dueAt <= clock.now();
    },
    forget: (key) => void rows.delete(idOf(key)),
    takeDue(endpoint, limit) {
      const now = clock.now();
      const due = ofEndpoint(endpoint).filter(({ dueAt }) => dueAt <= now);
      const taken = due.sort((one, other) => one.dueAt - other.dueAt).slice(0, limit);
      for (const row of taken) rows.delete(idOf(row));
      return taken;
    },
    putBack(row) {
      if (!rows.has(idOf(row))) rows.set(idOf(row), row);
    },
    nextDueMs(endpoint) {
      const open = ofEndpoint(endpoint);
      if (open.length === 0) return null;
      const first = open.reduce((least, { dueAt }) => Math.min(least, dueAt), Infinity);
      return Math.max(0, first - clock.now());
    },
  };
}

function idOf({ endpoint, taskId }: EntryKey): string {
  return JSON.stringify([endpoint, taskId]);
}
