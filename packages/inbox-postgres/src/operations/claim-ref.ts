import type { ClaimRef } from '@novita-webhooks/core';

/** A fencing token taken apart: with the id in it, its row is found without the large index over all keys. */
export interface Held {
  readonly id: string;
  readonly fencingToken: string;
  readonly endpoint: string;
  readonly taskId: string;
}

export function toFencingToken(id: string, token: string): string {
  return `${id}.${token}`;
}

/** `undefined` when no store issued the token. */
export function fromClaimRef({ fencingToken, endpoint, taskId }: ClaimRef): Held | undefined {
  const [, id, token] = /^(\d{1,18})\.([\w-]+)$/.exec(fencingToken) ?? [];
  return id === undefined || token === undefined
    ? undefined
    : { id, fencingToken: token, endpoint, taskId };
}
