// Options of a receiver that are valid alone and make no sense together.
import type { Inbox } from './inbox/ports.ts';
import { WebhookError } from './shared/errors.ts';

/** The options that may contradict each other. */
interface Combined {
  readonly ack: 'accepted' | 'handled' | null;
  readonly inbox: Inbox;
  readonly consume: boolean;
  readonly confirm: boolean;
  readonly taskResults: object | null;
}

/** The entries of such an inbox are handled by the callers of `processEntry()`. */
export function isAddOnly(inbox: Inbox): boolean {
  return inbox.capabilities.addOnly === true;
}

/** @throws WebhookError `invalid_option` */
export function rejectContradictions({
  ack,
  inbox,
  consume,
  confirm,
  taskResults,
}: Combined): void {
  if (confirm && taskResults === null) {
    throw invalid(
      'confirm: true needs taskResults. Pass taskResults: createTaskResultClient({ apiKey }).',
    );
  }
  if (ack === 'handled' && inbox.promote === undefined) {
    throw invalid(
      "ack: 'handled' works with the memory inbox only. Leave it out with a durable inbox.",
    );
  }
  if (consume && isAddOnly(inbox)) {
    throw invalid(
      'consume: true does not work with an add-only inbox. Leave it out, and call processEntry() where messages arrive.',
    );
  }
  if (consume) return;
  if (ack === 'handled')
    throw invalid(
      "ack: 'handled' waits for handlers, and consume: false runs none. Leave one out.",
    );
  if (inbox.capabilities.shared) return;
  throw invalid(
    'consume: false needs an inbox that other processes share, or no process handles its entries.',
  );
}

export function invalid(message: string): WebhookError {
  return new WebhookError('invalid_option', `createReceiver: ${message}`);
}
