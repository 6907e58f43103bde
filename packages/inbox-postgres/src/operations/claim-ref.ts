// A fencing token is `<id>.<replays>_<uuid>`. The id finds the row by the small primary key of pending_entries.
import type { ClaimRef } from '@novita-webhooks/core';

/** A claim reference with its fencing token split. */
export interface ParsedClaimRef {
  readonly id: string;
  /** The part after the id, as the table has it. */
  readonly fencingToken: string;
  readonly endpoint: string;
  readonly taskId: string;
}

export function formatFencingToken(id: string, token: string): string {
  return `${id}.${token}`;
}

/** @returns `undefined` if no store of this package issued the token */
export function parseClaimRef(claimRef: ClaimRef): ParsedClaimRef | undefined {
  const { fencingToken, endpoint, taskId } = claimRef;
  const [, id, token] = /^(\d{1,18})\.([\w-]+)$/.exec(fencingToken) ?? [];
  return id === undefined || token === undefined
    ? undefined
    : { id, fencingToken: token, endpoint, taskId };
}
