import type { Logger } from '../shared/logger.ts';
import type { Inbox } from './ports.ts';

/** Number of receivers that use an inbox: two endpoints may share one. */
const users = new WeakMap<Inbox, number>();

export function addInboxUser(inbox: Inbox, log: Logger): void {
  users.set(inbox, (users.get(inbox) ?? 0) + 1);
  inbox.open?.(log);
}

/** @returns whether this was the last user, so that the inbox can be closed */
export function removeInboxUser(inbox: Inbox): boolean {
  const left = (users.get(inbox) ?? 1) - 1;
  users.set(inbox, left);
  return left <= 0;
}
