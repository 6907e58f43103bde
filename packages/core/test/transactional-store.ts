import {
  memoryStore,
  WebhookError,
  type Claim,
  type Clock,
  type EntryKey,
  type Store,
} from '@novita-webhooks/core';

/** The transaction that handlers get. Its lines are stored if it commits. */
export interface LedgerTx {
  write(line: string): void;
}

/** A transactional store in memory, for tests of the code on top of such stores. */
export interface TransactionalStore extends Store<LedgerTx> {
  /** The committed lines. */
  readonly lines: string[];
  transaction: NonNullable<Store<LedgerTx>['transaction']>;
}

/** The fencing token of a running entry, and the handlers that its transactions recorded. */
interface Held {
  readonly fencingToken: string;
  readonly succeededHandlers: ReadonlySet<string>;
}

const keyOf = ({ endpoint, taskId }: EntryKey) => JSON.stringify([endpoint, taskId]);

export function createTransactionalStore(clock: Clock): TransactionalStore {
  const store = memoryStore({ clock });
  const held = new Map<string, Held>();
  const lines: string[] = [];

  const withHeld = <T extends EntryKey & { readonly succeededHandlers: readonly string[] }>(
    entry: T,
  ): T => {
    const own = held.get(keyOf(entry))?.succeededHandlers ?? [];
    return { ...entry, succeededHandlers: [...new Set([...entry.succeededHandlers, ...own])] };
  };
  const hold = (claim: Claim): Claim => {
    const succeededHandlers = held.get(keyOf(claim))?.succeededHandlers ?? new Set();
    held.set(keyOf(claim), { fencingToken: claim.fencingToken, succeededHandlers });
    return withHeld(claim);
  };
  const holder = ({ fencingToken, ...key }: EntryKey & { readonly fencingToken: string }): Held => {
    const own = held.get(keyOf(key));
    if (own?.fencingToken === fencingToken) return own;
    throw new WebhookError('lease_lost', 'the entry has another fencing token');
  };

  return {
    ...store,
    lines,
    capabilities: { ...store.capabilities, durable: true, shared: true, transactional: true },
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
    async settle(claimRef, outcome) {
      const kept = outcome.type === 'done' ? outcome : withHeld({ ...claimRef, ...outcome });
      const settled = await store.settle(claimRef, kept);
      if (settled) held.delete(keyOf(claimRef));
      return settled;
    },
    async transaction(claimRef, handler, work) {
      holder(claimRef);
      const written: string[] = [];
      const value = await work({ write: (line) => void written.push(line) });
      const succeededHandlers = new Set([...holder(claimRef).succeededHandlers, handler]);
      held.set(keyOf(claimRef), { fencingToken: claimRef.fencingToken, succeededHandlers });
      lines.push(...written);
      return value;
    },
  };
}
