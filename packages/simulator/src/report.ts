import { isAcknowledged, type Delivery, type DeliveryFailure } from './delivery.ts';
import type { FaultName } from './faults.ts';
import type { State } from './state.ts';
import type { EventState } from './task.ts';
import type { TaskStatus } from './novita-types.ts';

type Counts<Key extends string> = Readonly<Partial<Record<Key, number>>>;

/** What a simulator has done so far. Counts that are 0 are left out. */
export interface SimulatorReport {
  /** Seed of the faults: the option `seed` with it repeats them. */
  readonly seed: number;
  readonly tasks: { readonly total: number; readonly byStatus: Counts<TaskStatus> };
  /** Tasks by the state of their event. */
  readonly events: Counts<EventState>;
  readonly deliveries: {
    readonly total: number;
    /** POSTs that were answered with a 2xx. */
    readonly acknowledged: number;
    /** POSTs with an answer, by its status. */
    readonly byHttpStatus: Readonly<Record<string, number>>;
    /** POSTs without an answer, by the reason. */
    readonly byFailure: Counts<DeliveryFailure>;
  };
  /** How often each fault happened: to an event, or to one POST. */
  readonly faults: Counts<FaultName>;
  /** Rejected requests by reason, such as `RATE_LIMIT_EXCEEDED`. */
  readonly rejectedRequests: Readonly<Record<string, number>>;
  /** Ids of tasks whose event was sent and never acknowledged, and has no attempt left. */
  readonly unacknowledged: readonly string[];
  /** Ids of tasks whose event was dropped. */
  readonly dropped: readonly string[];
}

const countBy = <Item, Key extends string>(
  items: Iterable<Item>,
  keysOf: (item: Item) => readonly Key[],
): Partial<Record<Key, number>> => {
  const counts = new Map<Key, number>();
  for (const item of items) {
    for (const key of keysOf(item)) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Object.fromEntries(counts) as Partial<Record<Key, number>>;
};

const countDeliveries = (deliveries: readonly Delivery[]): SimulatorReport['deliveries'] => ({
  total: deliveries.length,
  acknowledged: deliveries.filter(isAcknowledged).length,
  byHttpStatus: countBy(deliveries, ({ answer }) =>
    'status' in answer ? [String(answer.status)] : [],
  ) as Record<string, number>,
  byFailure: countBy(deliveries, ({ answer }) => ('error' in answer ? [answer.error] : [])),
});

/** Counts the tasks and deliveries of a simulator. */
export const createReport = (state: State): SimulatorReport => {
  const { options, deliveries, rejections } = state;
  const tasks = [...state.tasks.values()];
  const idsOf = (eventState: EventState): string[] =>
    tasks.filter((task) => task.eventState === eventState).map(({ id }) => id);
  return {
    seed: options.seed,
    tasks: { total: tasks.length, byStatus: countBy(tasks, ({ status }) => [status]) },
    events: countBy(tasks, ({ eventState }) => [eventState]),
    deliveries: countDeliveries(deliveries),
    faults: countBy([...tasks, ...deliveries], ({ faults }) => faults),
    rejectedRequests: Object.fromEntries(rejections),
    unacknowledged: idsOf('unacknowledged'),
    dropped: idsOf('dropped'),
  };
};
