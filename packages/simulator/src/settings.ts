import type { AttemptFault, ResolvedFaults } from './faults.ts';
import type { State } from './state.ts';

/** What decides how events are delivered. */
export interface SimulatorSettings {
  /** Seed of the faults. */
  readonly seed: number;
  /** Faults of the option `faults`. A task can have others by its plan. */
  readonly faults: ResolvedFaults;
  /** Faults of the next POSTs, by `breakNext()`: the first is for the next POST. */
  readonly nextFaults: readonly AttemptFault[];
  /** Delay before each retry. */
  readonly retryDelaysMs: readonly number[];
}

/** Copies the settings of a simulator. */
export const readSettings = ({ options, nextFaults }: State): SimulatorSettings => ({
  seed: options.seed,
  faults: options.faults,
  nextFaults: [...nextFaults],
  retryDelaysMs: options.retryDelaysMs,
});
