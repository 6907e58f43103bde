import * as z from 'zod';

import { checkOptions } from '../shared/check-options.ts';
import { WebhookError } from '../shared/errors.ts';
import type { Inbox } from './ports.ts';

/** The parts of an add-only inbox. */
export interface AddOnlyInboxParts extends Pick<Inbox, 'add'> {
  /** Whether added entries survive the end of this process and of the queue's process. */
  readonly durable: boolean;
  readonly open?: Inbox['open'];
  /** Called when the last receiver closes: flush and disconnect. */
  readonly close?: Inbox['close'];
}

const isFunction = (value: unknown) => typeof value === 'function';
const schema = z.object(
  {
    add: z.custom(isFunction, 'must be a function that puts an entry into the queue'),
    durable: z.boolean('must be true or false'),
  },
  'must be an object with add and durable',
);

/**
 * An inbox for processes that put events into a queue of your own. A worker takes each message from
 * that queue and calls `receiver.processEntry(message)`. The methods that need a whole inbox (`list`,
 * `get`, `replay`, `discard`, `stats`, `consume`) throw `not_supported`: use the queue's own tools.
 *
 * @param parts `add` as {@link Inbox} describes it: resolves only after the queue has stored the
 * entry, and tells truthfully whether the queue had it before. Store every field of the entry, `mac`
 * included.
 * @throws WebhookError `invalid_option`
 * @example
 * const inbox = addOnlyInbox({
 *   durable: true,
 *   add: async (entry) => ((await queue.publish(entry)).isDuplicate ? 'duplicate' : 'added'),
 * });
 * const receiver = createReceiver({ inbox, secret }); // accepts deliveries
 * const worker = createReceiver({ inbox, secret }); // queue.onMessage((m) => worker.processEntry(m))
 */
export function addOnlyInbox(parts: AddOnlyInboxParts): Inbox {
  checkOptions('addOnlyInbox', schema, parts);
  const { add, durable, open, close = async () => undefined } = parts;
  return {
    name: 'add-only',
    capabilities: { durable, shared: true, transactional: false, addOnly: true },
    ...(open && { open }),
    add,
    close,
    list: async () => refuse('list'),
    get: async () => refuse('get'),
    groups: async () => refuse('groups'),
    replay: async () => refuse('replay'),
    replayMany: async () => refuse('replayMany'),
    discard: async () => refuse('discard'),
    discardMany: async () => refuse('discardMany'),
    export: () => refuse('export'),
    import: async () => refuse('import'),
    stats: async () => refuse('stats'),
    consume: () => refuse('consume'),
  };
}

function refuse(method: string): never {
  throw new WebhookError(
    'not_supported',
    `addOnlyInbox: ${method}() is not supported, because this inbox only adds to a queue. Use the ` +
      "queue's own tools, or implement Inbox (docs/your-own-engine.md).",
  );
}
