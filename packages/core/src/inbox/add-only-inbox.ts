import { WebhookError } from '../shared/errors.ts';
import type { Inbox } from './ports.ts';

/** What is known of a queue that events are only added to. */
export interface AddOnlyInboxParts extends Pick<Inbox, 'add'> {
  /** Whether what `add` resolved for survives the death of the process, and of the queue's. */
  readonly durable: boolean;
  readonly open?: Inbox['open'];
  /** Called when the last receiver closes: flush and disconnect. */
  readonly close?: Inbox['close'];
}

/**
 * An inbox for processes that put events into a queue of your own and leave the rest to it. Where
 * the messages come out, `receiver.process(message)` runs the handlers. Nothing is consumed here,
 * and what only a whole inbox can tell (`list`, `get`, `replay`, `discard`, `stats`) rejects with
 * `not_supported`: look into the queue instead.
 *
 * @param parts `add` as {@link Inbox} describes it: resolves only when the queue holds the event,
 * and says truthfully whether the queue had it before
 * @example
 * const inbox = addOnlyInbox({
 *   durable: true,
 *   add: async (entry) => ((await queue.publish(entry)).isDuplicate ? 'duplicate' : 'added'),
 * });
 * const receiver = createReceiver({ inbox, secret }); // takes events
 * const worker = createReceiver({ inbox }); // elsewhere: queue.onMessage((m) => worker.process(m))
 */
export function addOnlyInbox({
  add,
  durable,
  open,
  close = async () => undefined,
}: AddOnlyInboxParts): Inbox {
  return {
    capabilities: { durable, shared: true, transactional: false, addOnly: true },
    ...(open && { open }),
    add,
    close,
    list: async () => refuse('list'),
    get: async () => refuse('get'),
    replay: async () => refuse('replay'),
    discard: async () => refuse('discard'),
    stats: async () => refuse('stats'),
    consume: () => refuse('consume'),
  };
}

function refuse(method: string): never {
  throw new WebhookError(
    'not_supported',
    `${method}: this inbox only adds to a queue; ask the queue itself, ` +
      'or implement Inbox to have this here (docs/your-own-engine.md)',
  );
}
