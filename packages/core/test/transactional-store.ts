import {
  memoryStore,
  WebhookError,
  type Claim,
  type Clock,
  type EntryKey,
  type Store,
} from '@novita-webhooks/core';

/** What its transactions hand to handlers: takes lines, which are kept if they commit. */
export interface LedgerTx {
  write(line: string): void;
}

/** A store in memory that is transactional, for what is built on top of such stores. */
export interface TransactionalStore extends Store<LedgerTx> {
  /** What was committed. */
  readonly lines: string[];
  transaction: NonNullable<Store<LedgerTx>['transaction']>;
}

/** Under whose fence an entry runs, and what its transactions have recorded meanwhile. */
interface Held {
  readonly fence: string;
  readonly handled: ReadonlySet<string>;
}

const keyOf = ({ endpoint, taskId }: EntryKey) => JSON.stringify([endpoint, taskId]);

export function createTransactionalStore(clock: Clock): TransactionalStore {
  const store = memoryStore({ clock });
  const held = new Map<string, Held>();
  const lines: string[] = [];

  const withHeld = <T extends EntryKey & { readonly handled: readonly string[] }>(entry: T): T => {
    const own = held.get(keyOf(entry))?.handled ?? [];
    return { ...entry, handled: [...new Set([...entry.handled, ...own])] };
  };
  const hold = (claim: Claim): Claim => {
    const handled = held.get(keyOf(claim))?.handled ?? new Set();
    held.set(keyOf(claim), { fence: claim.fence, handled });
    return withHeld(claim);
  };
  const holder = ({ fence, ...key }: EntryKey & { readonly fence: string }): Held => {
    const own = held.get(keyOf(key));
    if (own?.fence === fence) return own;
    throw new WebhookError('lease_lost', 'somebody else has the entry');
  };

  return {
    ...store,
    lines,
    capabilities: { durable: true, shared: true, transactional: true },
    async add(entry) {
      const added = await store.add(entry);
      if (added === 'added') held.delete(keyOf(entry));
      return added;
    },
    async get(key) {
      const entry = await store.get(key);
      return entry && withHeld(entry);
    },
    claim: async (...args) => (await store.claim(...args)).map(hold),
    async claimOne(...args) {
      const claim = await store.claimOne?.(...args);
      return claim && hold(claim);
    },
    async settle(fence, outcome) {
      const kept = outcome.type === 'done' ? outcome : withHeld({ ...fence, ...outcome });
      const settled = await store.settle(fence, kept);
      if (settled) held.delete(keyOf(fence));
      return settled;
    },
    async transaction(fence, handler, work) {
      holder(fence);
      const written: string[] = [];
      const value = await work({ write: (line) => void written.push(line) });
      const handled = new Set([...holder(fence).handled, handler]);
      held.set(keyOf(fence), { fence: fence.fence, handled });
      lines.push(...written);
      return value;
    },
  };
}
