import {
  isWebhookError,
  type EntryKey,
  type EntryQuery,
  type ClaimRef,
  type NewEntry,
  type Outcome,
  type Retention,
  type Store,
} from '@novita-webhooks/core';
import fc from 'fast-check';

import type { Reference } from './reference.ts';

/** Which of the claims so far, counted from the latest; `foreign`: with its own key, but the fence of another claim. */
interface Holding {
  readonly claim: number;
  readonly foreign: number | null;
}

/** Something to do with a store. Plain data, so that a failure can be read. */
export type Operation =
  | { readonly type: 'add'; readonly entry: NewEntry }
  | ({ readonly type: 'claim' } & Record<'limit' | 'leaseDurationMs', number> &
      Pick<EntryKey, 'endpoint'>)
  | { readonly type: 'claimOne'; readonly key: EntryKey; readonly leaseDurationMs: number }
  | ({ readonly type: 'extend'; readonly leaseDurationMs: number } & Holding)
  | ({ readonly type: 'settle'; readonly outcome: Outcome } & Holding)
  | ({ readonly type: 'transaction'; readonly handler: string; readonly fails: boolean } & Holding)
  | { readonly type: 'promote' | 'replay' | 'discard' | 'get'; readonly key: EntryKey }
  | { readonly type: 'purge'; readonly retention: Retention };

/** The right to settle, one per target, as they number their fences differently. */
export interface Lease {
  readonly key: EntryKey;
  /** Which call of `claim` it is from: one call may give all its claims the same fence. */
  readonly call: number;
  readonly fences: readonly string[];
}

const isSame = (one: Lease, other: Lease) =>
  one.key.endpoint === other.key.endpoint && one.key.taskId === other.key.taskId;

/** The fence that an operation shows to a target. */
function fenceOf({ claim, foreign }: Holding, { leases, target }: View): ClaimRef {
  const own = leases.at(-1 - (claim % leases.length));
  if (own === undefined) throw new Error('there was no claim yet');
  const others = leases.filter(
    ({ call }) => !leases.some((one) => one.call === call && isSame(one, own)),
  );
  const shown = foreign === null ? own : others[foreign % others.length];
  return { ...own.key, fencingToken: shown?.fences[target] ?? 'never handed out' };
}

/** What has been claimed so far, and from whose point of view. */
export interface View {
  readonly leases: readonly Lease[];
  readonly target: number;
}

/** Does it, and says what came of it; an error as its code. */
export async function perform(
  on: Store | Reference,
  operation: Operation,
  view: View,
): Promise<unknown> {
  try {
    return await begin(on, operation, view);
  } catch (error) {
    return isWebhookError(error) ? error.code : error;
  }
}

/** Begins at once: of two that are begun in one tick, the first is done first. */
function begin(on: Store | Reference, operation: Operation, view: View): unknown {
  switch (operation.type) {
    case 'add':
      return on.add(operation.entry);
    case 'claim':
      return on.claim(operation.endpoint, operation.limit, operation.leaseDurationMs);
    case 'claimOne':
      return on.claimOne?.(operation.key, operation.leaseDurationMs);
    case 'extend':
      return on.extend(fenceOf(operation, view), operation.leaseDurationMs);
    case 'settle':
      return on.settle(fenceOf(operation, view), operation.outcome);
    case 'transaction':
      return on.transaction?.(fenceOf(operation, view), operation.handler, () => {
        if (operation.fails) throw NOT_PAID;
        return 'written';
      });
    case 'purge':
      return on.deleteExpired(operation.retention);
    case 'promote':
      return on.promote?.(operation.key);
    default:
      return on[operation.type](operation.key);
  }
}

const NOT_PAID = new Error('the handler threw');

export const ENDPOINTS = ['here', 'there'] as const;
const LEASES_MS = [1000, 30_000] as const;

/** Else `null`. */
export const seldom = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });

const endpoint = fc.constantFrom(...ENDPOINTS, ENDPOINTS[0]);
/** Few, so that they meet again and again. */
const key = fc.record({ endpoint, taskId: fc.constantFrom('1', '2', "ü'") });
const leaseDurationMs = fc.constantFrom(...LEASES_MS);
const delayMs = fc.constantFrom(0, 1, 1000, 60_000);
const handler = fc.constantFrom('one', 'two', 'three', '"四"');
const succeededHandlers = fc.array(handler, { maxLength: 3 });
const reason = fc.constantFrom('', 'it failed', "it's “odd” 🙈");
const holding = {
  // Mostly one of the latest, which may still be valid.
  claim: fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 2 }) }, fc.nat({ max: 30 })),
  foreign: seldom(fc.nat({ max: 30 })), // always refused
};

const createTestEntry: fc.Arbitrary<NewEntry> = fc
  .record({
    key,
    status: fc.constantFrom('TASK_STATUS_SUCCEED', 'TASK_STATUS_FAILED', ''),
    body: fc.constantFrom('{}', '{"text":"ü 任务 \\u0000"}'),
    schemaError: fc.option(fc.constant('images: not a list'), { freq: 2 }),
    metadata: fc.constantFrom({}, { orderId: 42, nested: { list: [1, null, 'ü'] } }),
    testMode: fc.boolean(),
    receivedAt: fc.integer({ min: 0, max: 2_000_000_000_000 }),
  })
  .map(({ key, ...entry }) => ({ ...key, ...entry }));

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ type: fc.constant('done' as const) }),
  fc.record({ type: fc.constant('dead' as const), reason, succeededHandlers }),
  fc.record({ type: fc.constant('retry' as const), delayMs, reason, succeededHandlers }),
  fc.record({ type: fc.constant('released' as const), delayMs, succeededHandlers }),
);

const type = <T extends string>(value: T) => fc.constant(value);

const add = fc.record({ type: type('add'), entry: createTestEntry });
const claim = fc.record({
  type: type('claim'),
  endpoint,
  limit: fc.constantFrom(0, 1, 2, 50),
  leaseDurationMs,
});
const extend = fc.record({ type: type('extend'), leaseDurationMs, ...holding });
const settle = fc.record({ type: type('settle'), outcome, ...holding });
const replay = fc.record({ type: type('replay'), key });
const discard = fc.record({ type: type('discard'), key });

/** What every store has, and what may be sent together. */
export const write: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: add },
  { weight: 5, arbitrary: claim },
  { weight: 2, arbitrary: extend },
  { weight: 9, arbitrary: settle },
  { weight: 3, arbitrary: replay },
  { weight: 1, arbitrary: discard },
);

export const transaction = fc.record({
  type: type('transaction'),
  handler,
  fails: fc.boolean(),
  ...holding,
});
export const promote = fc.record({ type: type('promote'), key });
export const claimOne = fc.record({ type: type('claimOne'), key, leaseDurationMs });
export const get = fc.record({ type: type('get'), key });
export const purge = fc.record({
  type: type('purge'),
  retention: fc.record({ doneMs: leaseDurationMs, deadMs: leaseDurationMs }),
});

/** A list query and whether to go on from the page before. */
export const query: fc.Arbitrary<{ query: EntryQuery; follow: boolean }> = fc.record({
  query: fc.record({
    endpoint: fc.option(endpoint, { nil: undefined }),
    state: fc.option(fc.constantFrom('pending', 'running', 'done', 'dead'), { nil: undefined }),
    limit: fc.constantFrom(1, 2, 5),
  }),
  follow: fc.boolean(),
});
