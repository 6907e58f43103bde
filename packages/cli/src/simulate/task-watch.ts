import type {
  Activity,
  Delivery,
  EventState,
  RequestReport,
  SimulatedTask,
  Simulator,
  TaskStatus,
} from '@novita-webhooks/simulator';

/** A task and its last delivery. */
export interface TaskRow {
  readonly task: SimulatedTask;
  readonly last: Delivery | undefined;
}

/** Counts of all tasks. */
export interface Summary {
  readonly tasks: number;
  readonly byStatus: ReadonlyMap<TaskStatus, number>;
  readonly byEventState: ReadonlyMap<EventState, number>;
  readonly deliveries: number;
  /** Deliveries that were answered with a 2xx. */
  readonly acknowledged: number;
}

/** The tasks of a simulator by position. The newest one has position 0. */
export interface TaskPositions {
  readonly length: () => number;
  readonly idAt: (position: number) => string | undefined;
  readonly positionOf: (id: string) => number | undefined;
}

/** Follows the tasks of a simulator. It keeps a few words for each task, no copies of events. */
export interface TaskWatch {
  readonly positions: TaskPositions;
  readonly summary: () => Summary;
  readonly rowAt: (position: number) => TaskRow | undefined;
  readonly stop: () => void;
}

interface Listeners {
  readonly onChange: () => void;
  readonly onRejected: (request: RequestReport) => void;
}

interface Known {
  readonly id: string;
  readonly index: number;
  status: TaskStatus;
  eventState: EventState;
  last: Delivery | undefined;
}

const add = <Key>(counts: Map<Key, number>, key: Key, change: 1 | -1): void =>
  void counts.set(key, (counts.get(key) ?? 0) + change);

const createTally = () => {
  const known = new Map<string, Known>();
  const order: Known[] = [];
  const byStatus = new Map<TaskStatus, number>();
  const byEventState = new Map<EventState, number>();
  const count = ({ status, eventState }: Known, change: 1 | -1): void => {
    add(byStatus, status, change);
    add(byEventState, eventState, change);
  };
  const update = ({ id, status, eventState }: SimulatedTask): void => {
    const before = known.get(id);
    if (before !== undefined) count(before, -1);
    const task = before ?? { id, index: order.length, status, eventState, last: undefined };
    if (before === undefined) {
      known.set(id, task);
      order.push(task);
    }
    Object.assign(task, { status, eventState });
    count(task, 1);
  };
  return { known, order, byStatus, byEventState, update };
};

/** Begins to follow the tasks of a simulator. */
export const watchTasks = (simulator: Simulator, listeners: Listeners): TaskWatch => {
  const { known, order, byStatus, byEventState, update } = createTally();
  let deliveries = 0;
  let acknowledged = 0;
  const addDelivery = (delivery: Delivery): void => {
    const { taskId, answer } = delivery;
    const task = known.get(taskId);
    if (task !== undefined) task.last = delivery;
    deliveries += 1;
    if ('status' in answer && answer.status >= 200 && answer.status < 300) acknowledged += 1;
  };
  const handle = (activity: Activity): void => {
    if (activity.type === 'task') update(activity.task);
    else if (activity.type === 'delivery') addDelivery(activity.delivery);
    else listeners.onRejected(activity.request);
    listeners.onChange();
  };
  const stop = simulator.subscribe(handle);
  simulator.tasks().forEach(update);
  simulator.deliveries().forEach(addDelivery);
  const find = (position: number): Known | undefined => order[order.length - 1 - position];
  return {
    positions: {
      length: () => order.length,
      idAt: (position) => find(position)?.id,
      positionOf: (id) => {
        const task = known.get(id);
        return task && order.length - 1 - task.index;
      },
    },
    summary: () => ({ tasks: order.length, byStatus, byEventState, deliveries, acknowledged }),
    rowAt: (position) => {
      const found = find(position);
      const task = found && simulator.task(found.id);
      return task && { task, last: found.last };
    },
    stop,
  };
};
