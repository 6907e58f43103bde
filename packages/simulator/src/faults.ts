// Every fault of a delivery: what it is called, what it does, and how often it happens.
import * as z from 'zod';

import { delayMsSchema } from './parse-options.ts';

/**
 * What can go wrong with an event as a whole. Drawn once, when the task is accepted.
 *
 * - `drop`: the event is not sent
 * - `delay`: the first attempt waits
 * - `reorder`: the event waits until a later one was sent
 * - `duplicate`: copies follow after the first 2xx
 * - `concurrent`: copies are sent at the same time
 * - `drift`: unknown fields, `null` for empty arrays, numbers and strings exchanged
 * - `flip`: after the first 2xx, an event with the opposite status follows
 */
export type EventFault =
  'drop' | 'delay' | 'reorder' | 'duplicate' | 'concurrent' | 'drift' | 'flip';

/**
 * What can go wrong with one POST. Drawn for each attempt, so a retry can be without fault.
 *
 * - `slow`: the body follows the headers after a pause
 * - `drip`: the body arrives in small pieces
 * - `reset`: the connection breaks in the middle of the body
 * - `truncate`: the body ends in the middle
 * - `contentType`: the content type is not that of JSON
 */
export type AttemptFault = 'slow' | 'drip' | 'reset' | 'truncate' | 'contentType';

/** Name of a fault: of an event, or of one POST. */
export type FaultName = EventFault | AttemptFault;

/** A number, or a range from which each task draws. */
export type DelayRange = number | readonly [min: number, max: number];

/** How often a fault happens, and how. */
export interface FaultSettings {
  /** 0 to 1. Default 1. */
  readonly probability?: number | undefined;
  /** `delay`, `reorder`, `slow` and `drip`: milliseconds. */
  readonly ms?: DelayRange | undefined;
  /** `duplicate` and `concurrent`: additional copies, 1 to 99. Default 1. */
  readonly copies?: number | undefined;
  /** Faults of an attempt: only the first `attempts` attempts can have it. Default: all. */
  readonly attempts?: number | undefined;
}

/**
 * Faults of deliveries. A number is a probability from 0 to 1.
 *
 * @example
 * const faults: Faults = { drop: 0.2, delay: { probability: 0.5, ms: [100, 3000] } };
 */
export type Faults = Readonly<Partial<Record<FaultName, number | FaultSettings | undefined>>>;

/** Faults with numbers turned into settings. */
export type ResolvedFaults = Readonly<Partial<Record<FaultName, FaultSettings>>>;

export const delayRangeSchema: z.ZodType<DelayRange> = z.union(
  [
    delayMsSchema,
    z
      .tuple([delayMsSchema, delayMsSchema])
      .refine(([min, max]) => min <= max, 'the first number must not be the larger one'),
  ],
  'must be milliseconds, or [min, max] in milliseconds',
);

const toSettings = <T>(value: T | number): T | FaultSettings =>
  typeof value === 'number' ? { probability: value } : value;

/** Merges faults by name. A later source overrides an earlier one. */
export const mergeFaults = (...sources: readonly Faults[]): ResolvedFaults =>
  Object.fromEntries(
    sources
      .flatMap((faults) => Object.entries(faults))
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, toSettings(value)]),
  );

const FAULT_RULE = 'must be a number from 0 to 1, or an object';

const settings = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.preprocess(
    toSettings,
    z
      .strictObject(
        { probability: z.number().min(0).max(1).optional(), ...shape },
        { error: ({ code }) => (code === 'invalid_type' ? FAULT_RULE : undefined) },
      )
      .optional(),
  );

const ms = { ms: delayRangeSchema.optional() };
const copies = { copies: z.int().min(1).max(99).optional() };
const attempts = { attempts: z.int().min(1).max(101).optional() };

const schemas = {
  drop: settings({}),
  delay: settings(ms),
  reorder: settings(ms),
  duplicate: settings(copies),
  concurrent: settings(copies),
  drift: settings({}),
  flip: settings({}),
  slow: settings({ ...ms, ...attempts }),
  drip: settings({ ...ms, ...attempts }),
  reset: settings(attempts),
  truncate: settings(attempts),
  contentType: settings(attempts),
};

/** All faults, those of an event first. */
export const faultNames: readonly FaultName[] = Object.keys(schemas) as FaultName[];

/** Faults of one POST, which `breakNext` takes. */
export const attemptFaults: readonly AttemptFault[] = [
  'slow',
  'drip',
  'reset',
  'truncate',
  'contentType',
];

export const isAttemptFault = (name: FaultName): name is AttemptFault =>
  (attemptFaults as readonly FaultName[]).includes(name);

/** Schema of `faults` in options, plans and scenario files. */
export const faultsSchema: z.ZodType<ResolvedFaults, Faults> = z.strictObject(
  schemas,
) as unknown as z.ZodType<ResolvedFaults, Faults>;

/** Milliseconds of the faults that take time. The receiver's limit for a body is 3 seconds by default. */
export const DEFAULT_FAULT_MS: Readonly<Partial<Record<FaultName, DelayRange>>> = {
  delay: [0, 2000],
  reorder: 1000,
  slow: [100, 1000],
  drip: [100, 1000],
};
