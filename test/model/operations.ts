import {
  isWebhookError,
  type AttemptRecord,
  type Entry,
  type EntryKey,
  type EntryQuery,
  type EntryTarget,
  type ClaimRef,
  type NewEntry,
  type Outcome,
  type ReplayHandlers,
  type Retention,
  type Store,
} from '@novita-webhooks/core';
import fc from 'fast-check';

import type { Reference } from './reference.ts';

/** Selects the claim that an operation uses. */
interface ClaimChoice {
  /** Index of the claim, counted back from the latest one. */
  readonly claim: number;
  /** If set, the operation uses the fencing token of this other claim. A store must reject it. */
  readonly foreign: number | null;
}

/** Several entries to act on. */
interface Targets {
  readonly keys: readonly EntryKey[];
  /** Whether they must be as they were listed `age` lists ago; `null`: as they are. */
  readonly age: number | null;
}

/** A call of a store as plain data, which makes a failure readable. */
export type Operation =
  | { readonly type: 'add'; readonly entry: NewEntry }
  | ({ readonly type: 'claim' } & Record<'limit' | 'leaseDurationMs', number> &
      Pick<EntryKey, 'endpoint'>)
  | { readonly type: 'claimOne'; readonly key: EntryKey; readonly leaseDurationMs: number }
  | ({ readonly type: 'extend'; readonly leaseDurationMs: number } & ClaimChoice)
  | ({ readonly type: 'settle'; readonly outcome: Outcome } & ClaimChoice)
  | ({
      readonly type: 'transaction';
      readonly handler: string;
      readonly fails: boolean;
    } & ClaimChoice)
  | { readonly type: 'promote' | 'get'; readonly key: EntryKey }
  | ({ readonly type: 'replay' } & Targets & ReplayHandlers)
  | ({ readonly type: 'discard' } & Targets)
  | { readonly type: 'deleteExpired'; readonly retention: Retention };

/** The fencing tokens of one claim. Each target has its own: their tokens differ. */
export interface Lease {
  readonly key: EntryKey;
  /** Number of the `claim` call: the claims of one call can have the same fencing token. */
  readonly call: number;
  readonly fencingTokens: readonly string[];
}

const isSame = (one: Lease, other: Lease) =>
  one.key.endpoint === other.key.endpoint && one.key.taskId === other.key.taskId;

/** The claim reference that an operation passes to a target. */
function toClaimRef({ claim, foreign }: ClaimChoice, { leases, target }: View): ClaimRef {
  const own = leases.at(-1 - (claim % leases.length));
  if (own === undefined) throw new Error('model test: there was no claim yet');
  const others = leases.filter(
    ({ call }) => !leases.some((one) => one.call === call && isSame(one, own)),
  );
  const source = foreign === null ? own : others[foreign % others.length];
  return { ...own.key, fencingToken: source?.fencingTokens[target] ?? 'unknown token' };
}

/** All claims so far, and the target to which an operation is applied. */
export interface View {
  readonly leases: readonly Lease[];
  /** Index into `fencingTokens`: 0 is the reference. */
  readonly target: number;
  /** The entries after each step, the latest last. */
  readonly listed: readonly (readonly Entry[])[];
}

/** Applies an operation. Resolves to its result, or to the code of its error. */
export async function perform(
  on: Store | Reference,
  operation: Operation,
  view: View,
): Promise<unknown> {
  try {
    return await start(on, operation, view);
  } catch (error) {
    return isWebhookError(error) ? error.code : error;
  }
}

/** Calls the store in the same tick: the order of the calls is the order of the operations. */
function start(on: Store | Reference, operation: Operation, view: View): unknown {
  switch (operation.type) {
    case 'add':
      return on.add(operation.entry);
    case 'claim':
      return on.claim(operation.endpoint, operation.limit, operation.leaseDurationMs);
    case 'claimOne':
      return on.claimOne?.(operation.key, operation.leaseDurationMs);
    case 'extend':
      return on.extend(toClaimRef(operation, view), operation.leaseDurationMs);
    case 'settle':
      return on.settle(toClaimRef(operation, view), operation.outcome);
    case 'transaction':
      return on.transaction?.(toClaimRef(operation, view), operation.handler, () => {
        if (operation.fails) throw HANDLER_ERROR;
        return 'written';
      });
    case 'deleteExpired':
      return on.deleteExpired(operation.retention);
    case 'promote':
      return on.promote?.(operation.key);
    case 'replay': {
      const { handlers } = operation;
      return on.replayEntries(toTargets(operation, view), { ...(handlers && { handlers }) });
    }
    case 'discard':
      return on.discardEntries(toTargets(operation, view));
    default:
      return on[operation.type](operation.key);
  }
}

function toTargets({ keys, age }: Targets, { listed }: View): readonly EntryTarget[] {
  if (age === null) return keys;
  const entries = listed.at(-1 - (age % listed.length)) ?? [];
  return keys.map(
    ({ endpoint, taskId }) =>
      entries.find((entry) => entry.endpoint === endpoint && entry.taskId === taskId) ?? {
        ...{ endpoint, taskId },
      },
  );
}

const HANDLER_ERROR = new Error('the handler threw');

export const ENDPOINTS = ['here', 'there'] as const;
const LEASES_MS = [1000, 30_000] as const;

/** Yields `null` in 8 of 9 cases. */
export const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });

const endpoint = fc.constantFrom(...ENDPOINTS, ENDPOINTS[0]);
/** Few keys: operations must meet at the same entries. */
const key = fc.record({ endpoint, taskId: fc.constantFrom('1', '2', "ü'") });
const leaseDurationMs = fc.constantFrom(...LEASES_MS);
const delayMs = fc.constantFrom(0, 1, 1000, 60_000);
export const handlerName = fc.constantFrom('one', 'two', 'three', '"四"');
const succeededHandlers = fc.array(handlerName, { maxLength: 3 });
const withoutUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, it]) => it !== undefined)) as T;
export const reason = fc.constantFrom(
  '',
  'it failed',
  "it's “odd” 🙈",
  'HTTP 503',
  'order 503',
  'order 504',
);
const record: fc.Arbitrary<AttemptRecord> = fc
  .record({
    attempt: fc.nat({ max: 3 }),
    startedAt: fc.constantFrom(0, 1.5, null),
    durationMs: fc.constantFrom(0, null),
    outcome: fc.constantFrom('done', 'retry', 'dead', 'lost'),
    trigger: fc.constantFrom('delivery', 'sweep', 'replay'),
    errors: fc.constantFrom(
      [],
      [{ handler: '"四"', name: 'Error', message: 'it’s odd', code: null }],
    ),
  })
  .map((plain) => ({ ...plain })); // with a prototype
const attemptLog = fc.option(fc.array(record, { maxLength: 2 }), { nil: undefined, freq: 2 });
const claimChoice = {
  // Mostly one of the latest claims, whose lease can still be valid.
  claim: fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 2 }) }, fc.nat({ max: 30 })),
  foreign: rarely(fc.nat({ max: 30 })),
};

const status = fc.constantFrom('TASK_STATUS_SUCCEED', 'TASK_STATUS_FAILED', '');
const taskType = fc.constantFrom('TXT_TO_IMG', '');
/** Few values: filters must meet entries with exactly their time. */
export const time = fc.constantFrom(0, 1000, 2_000_000_000_000);

export const newEntry: fc.Arbitrary<NewEntry> = fc
  .record({
    key,
    status,
    body: fc.constantFrom('{}', '{"text":"ü 任务 \\u0000"}'),
    schemaError: fc.option(fc.constant('images: not a list'), { freq: 2 }),
    taskType,
    metadata: fc.constantFrom(
      {},
      { orderId: 42, nested: { list: [1, null, 'ü'] } },
      { orderId: '42', "it's": true, note: null },
    ),
    testMode: fc.boolean(),
    receivedAt: fc.oneof(time, fc.integer({ min: 0, max: 2_000_000_000_000 })),
    source: fc.constantFrom('delivery', 'sweep', 'expectation'),
    traceparent: fc.constantFrom(null, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),
    tokenId: fc.constantFrom(null, null, null, 'a token', 'once:1', 'once:test:2'),
  })
  .map(({ key, tokenId, ...entry }) => ({
    ...{ ...key, ...entry },
    // A token is for one endpoint.
    tokenId: tokenId === null ? null : `${tokenId} ${key.endpoint}`,
  }));

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc
    .record({ type: fc.constant('done' as const), attemptLog })
    .map((it) => withoutUndefined(it) as Outcome),
  fc
    .record({ type: fc.constant('dead' as const), reason, succeededHandlers, attemptLog })
    .map((it) => withoutUndefined(it) as Outcome),
  fc
    .record({ type: fc.constant('retry' as const), delayMs, reason, succeededHandlers, attemptLog })
    .map((it) => withoutUndefined(it) as Outcome),
  fc.record({ type: fc.constant('released' as const), delayMs, succeededHandlers }),
);

const type = <T extends string>(value: T) => fc.constant(value);

const add = fc.record({ type: type('add'), entry: newEntry });
const claim = fc.record({
  type: type('claim'),
  endpoint,
  limit: fc.constantFrom(0, 1, 2, 50),
  leaseDurationMs,
});
const extend = fc.record({ type: type('extend'), leaseDurationMs, ...claimChoice });
const settle = fc.record({ type: type('settle'), outcome, ...claimChoice });
const targets = {
  keys: fc.uniqueArray(key, {
    minLength: 1,
    maxLength: 3,
    selector: ({ endpoint, taskId }) => `${endpoint} ${taskId}`,
  }),
  age: fc.option(fc.nat({ max: 5 }), { nil: null }),
};
const handlers = rarely(fc.uniqueArray(handlerName, { minLength: 1, maxLength: 2 })).map(
  (names) => names ?? undefined,
);
const replay = fc.record({ type: type('replay'), ...targets, handlers });
const discard = fc.record({ type: type('discard'), ...targets });

/** The operations of every store that may begin in one tick. */
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
  handler: handlerName,
  fails: fc.boolean(),
  ...claimChoice,
});
export const promote = fc.record({ type: type('promote'), key });
export const claimOne = fc.record({ type: type('claimOne'), key, leaseDurationMs });
export const get = fc.record({ type: type('get'), key });
export const deleteExpired = fc.record({
  type: type('deleteExpired'),
  retention: fc.record({ doneMs: leaseDurationMs, deadMs: leaseDurationMs }),
});

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => rarely(arbitrary).map((it) => it ?? undefined);

/** A list query; `follow`: with the cursor of the last page. */
export const query: fc.Arbitrary<{ query: EntryQuery; follow: boolean }> = fc.record({
  query: fc.record({
    endpoint: fc.option(endpoint, { nil: undefined }),
    states: fc.option(
      fc.uniqueArray(fc.constantFrom('expected', 'pending', 'running', 'done', 'dead'), {
        minLength: 1,
      }),
      { nil: undefined },
    ),
    taskType: maybe(taskType),
    status: maybe(status),
    reasonContains: maybe(fc.constantFrom('HTTP', '503', '%', "'s “")),
    errorGroup: maybe(fc.constantFrom('HTTP 503', 'order <n>', 'it failed', '')),
    metadata: maybe(
      fc.constantFrom({ orderId: 42 }, { orderId: '42' }, { "it's": true, note: null }),
    ),
    receivedFrom: maybe(time),
    receivedTo: maybe(time),
    finishedFrom: maybe(time),
    finishedTo: maybe(time),
    schemaErrors: maybe(fc.boolean()),
    testEvents: maybe(fc.boolean()),
    taskIdContains: maybe(fc.constantFrom('1', 'ü', 'Ü')),
    order: fc.constantFrom('newest', 'oldest'),
    bodies: fc.boolean(),
    limit: fc.constantFrom(1, 2, 5),
  }),
  follow: fc.boolean(),
});
