// Random decisions that can be repeated: the same seed and the same submits have the same faults.
import { createHash } from 'node:crypto';

import {
  DEFAULT_FAULT_MS,
  faultNames,
  isAttemptFault,
  type DelayRange,
  type FaultName,
  type ResolvedFaults,
} from './faults.ts';

/** What a decision is about, such as `[number of the task, 'drop']`. */
type Topic = readonly (string | number)[];

/**
 * Draws a number from 0 to 1 (excluded). It depends on the seed and the topic alone, and not on what was
 * drawn before: concurrent tasks do not change each other's faults.
 */
export const draw = (seed: number, topic: Topic): number =>
  createHash('sha256')
    .update([seed, ...topic].join('/'))
    .digest()
    .readUInt32BE(0) /
  2 ** 32;

/** Draws milliseconds from a range. */
export const drawMs = (range: DelayRange, seed: number, topic: Topic): number => {
  if (typeof range === 'number') return range;
  const [min, max] = range;
  return Math.round(min + draw(seed, topic) * (max - min));
};

/** Draws the duration of a fault. */
export const drawFaultMs = (
  name: FaultName,
  faults: ResolvedFaults,
  seed: number,
  topic: Topic,
): number => drawMs(faults[name]?.ms ?? DEFAULT_FAULT_MS[name] ?? 0, seed, [...topic, name, 'ms']);

const happens = (name: FaultName, faults: ResolvedFaults, seed: number, topic: Topic): boolean =>
  faults[name] !== undefined && draw(seed, [...topic, name]) < (faults[name].probability ?? 1);

/** Draws the faults of the event of a task. */
export const drawEventFaults = (
  faults: ResolvedFaults,
  seed: number,
  taskNumber: number,
): FaultName[] =>
  faultNames.filter((name) => !isAttemptFault(name) && happens(name, faults, seed, [taskNumber]));

/** Draws the faults of one POST. */
export const drawAttemptFaults = (
  faults: ResolvedFaults,
  seed: number,
  topic: { readonly taskNumber: number; readonly copy: number; readonly attempt: number },
): FaultName[] => {
  const { taskNumber, copy, attempt } = topic;
  return faultNames.filter(
    (name) =>
      isAttemptFault(name) &&
      attempt <= (faults[name]?.attempts ?? Infinity) &&
      happens(name, faults, seed, [taskNumber, copy, attempt]),
  );
};
