import type { Inbox } from './ports.ts';
import type { Logger } from '../shared/logger.ts';

/** How many receivers use an inbox: two endpoints may share one. */
const shares = new WeakMap<Inbox, number>();

export function shareInbox(inbox: Inbox, log: Logger): void {
  shares.set(inbox, (shares.get(inbox) ?? 0) + 1);
  inbox.open?.(log);
}

/** Whether that was the last one, so that the inbox can be closed. */
export function releaseInbox(inbox: Inbox): boolean {
  const left = (shares.get(inbox) ?? 1) - 1;
  shares.set(inbox, left);
  return left <= 0;
}
