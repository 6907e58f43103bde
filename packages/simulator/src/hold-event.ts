import { setTimeout as delay } from 'node:timers/promises';

import { drawFaultMs } from './draw.ts';
import type { FaultName } from './faults.ts';
import type { State } from './state.ts';
import type { Task } from './task.ts';

/** Resolves when another event was sent, or after `waitMs` if there is none. */
const waitForOther = async (state: State, waitMs: number): Promise<void> => {
  const released = new AbortController();
  const release = (): void => released.abort();
  state.heldEvents.add(release);
  const signal = AbortSignal.any([released.signal, state.closing.signal]);
  await delay(waitMs, undefined, { signal }).catch(() => undefined);
  state.heldEvents.delete(release);
  state.closing.signal.throwIfAborted();
};

/** Holds back the event of a task that has the fault `delay` or `reorder`. */
export const holdEvent = async (state: State, { faults, plan, number }: Task): Promise<void> => {
  const msOf = (name: FaultName): number =>
    drawFaultMs(name, plan.faults, state.options.seed, [number]);
  const { signal } = state.closing;
  if (faults.includes('delay')) await delay(msOf('delay'), undefined, { signal });
  if (faults.includes('reorder')) await waitForOther(state, msOf('reorder'));
};

/** Lets the events go that wait until another one was sent. */
export const releaseHeldEvents = ({ heldEvents }: State): void => {
  for (const release of heldEvents) release();
};
