import type { Claim, ClaimRef } from '../ports.ts';
import { copyEntry, type MemoryTable } from './memory-table.ts';
import type { Row } from './row.ts';

export function claim(
  table: MemoryTable,
  endpoint: string,
  limit: number,
  leaseDurationMs: number,
): Claim[] {
  const queue = table.queue(endpoint);
  const claims: Claim[] = [];
  for (let looked = 0; looked < limit; looked += 1) {
    const first = queue.peek();
    if (first === undefined || first.dueAt > table.now()) break;
    const row = first.value;
    if (row.entry.state === 'pending') claims.push(lease(table, row, leaseDurationMs));
    else if (!row.isOverdue) grantHeartbeat(table, row, leaseDurationMs);
    else if (claims.length > 0) break;
    else return [lease(table, row, leaseDurationMs)]; // a takeover is returned alone
  }
  return claims;
}

export function claimOne(
  table: MemoryTable,
  row: Row | undefined,
  leaseDurationMs: number,
): Claim | undefined {
  return row?.entry.state === 'pending' ? lease(table, row, leaseDurationMs) : undefined;
}

function lease(table: MemoryTable, row: Row, leaseDurationMs: number): Claim {
  const isTakeover = row.entry.state === 'running';
  const fencingToken = table.nextFencingToken(row);
  const attempts = row.entry.attempts + 1;
  const dueAt = table.now() + leaseDurationMs;
  table.change(row, { state: 'running', attempts, dueAt }, fencingToken);
  return Object.assign(copyEntry(row.entry), { fencingToken, isTakeover });
}

/** The first claim that finds a lease expired waits for one more heartbeat of its holder. */
function grantHeartbeat(table: MemoryTable, row: Row, leaseDurationMs: number): void {
  table.change(row, { dueAt: table.now() + leaseDurationMs / 2 }, row.fencingToken);
  row.isOverdue = true;
}

/** The row of a claim whose fencing token is valid. */
export function findClaimed(table: MemoryTable, claimRef: ClaimRef): Row | undefined {
  const row = table.find(claimRef);
  return row?.fencingToken === claimRef.fencingToken ? row : undefined;
}

export function extend(table: MemoryTable, row: Row | undefined, leaseDurationMs: number): boolean {
  if (row === undefined) return false;
  table.change(row, { dueAt: table.now() + leaseDurationMs }, row.fencingToken);
  return true;
}

export function recordSucceeded(
  table: MemoryTable,
  claimRef: ClaimRef,
  names: readonly string[],
): boolean {
  const row = table.find(claimRef);
  const [series] = claimRef.fencingToken.split('.');
  if (row === undefined || String(row.series) !== series) return false;
  const succeededHandlers = [...new Set([...row.entry.succeededHandlers, ...names])];
  Object.assign(row.entry, { succeededHandlers }); // no index depends on the names
  return true;
}
