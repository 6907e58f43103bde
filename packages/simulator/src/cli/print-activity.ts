// What `start` prints while it runs: lines for people, or lines of JSON.
import type { Activity } from '../activity.ts';
import type { RequestReport } from '../options.ts';
import type { Simulator } from '../simulator.ts';
import type { SimulatedTask } from '../task.ts';
import type { RetryPlan } from './describe-delivery.ts';
import { createDeliveryPrinter } from './print-delivery.ts';
import { describeReport } from './describe-report.ts';
import type { Terminal } from './terminal.ts';

/** Shows what a simulator does. */
export interface ActivityView {
  readonly show: (activity: Activity) => void;
  /** Is called when the simulator has ended. */
  readonly end: () => void;
}

const describeEvent = ({ callbackUrl, plan, eventState }: SimulatedTask): string => {
  if (callbackUrl === undefined) {
    return 'It has no callback URL, so no event is sent. Put one into extra.webhook.url.';
  }
  if (eventState === 'none') return 'Its endpoint sends no events. Ask for its result.';
  return plan.dropDelivery ? 'Its event will be dropped.' : `Its event goes to ${callbackUrl}.`;
};

const describeTask = (task: SimulatedTask): string => {
  const { taskType, plan, faults } = task;
  const drawn = faults.length === 0 ? '' : ` Faults: ${faults.join(', ')}.`;
  return `accepted ${taskType}, ${plan.taskMs} ms. ${describeEvent(task)}${drawn}`;
};

const describeRequest = ({ method, path, status, reason, message }: RequestReport): string =>
  `${method} ${path}: ${status} ${reason}: ${message}`;

/** How to send an event later, as a command. */
const describeKept =
  (url: string) =>
  (taskId: string): string =>
    `The simulator keeps it. Send it again: curl -X POST '${url}/simulator/redeliver?task_id=${taskId}'`;

/** Creates a view that prints a line for each task, delivery and rejected request. */
export const createTextView = (
  simulator: Simulator,
  terminal: Terminal,
  delaysMs: readonly number[],
): ActivityView => {
  const keep = describeKept(simulator.url);
  const retries: RetryPlan = { delaysMs, isPerformed: true, describeKept: keep };
  const printDelivery = createDeliveryPrinter(terminal, retries);
  const showTask = (task: SimulatedTask): void => {
    if (task.status === 'TASK_STATUS_QUEUED') {
      terminal.print(`${task.id}  ${describeTask(task)}`);
    } else if (task.eventState === 'dropped') {
      terminal.print(`${task.id}  dropped its event. ${keep(task.id)}`);
    }
  };
  return {
    show: (activity) => {
      if (activity.type === 'task') showTask(activity.task);
      else if (activity.type === 'delivery') {
        printDelivery(activity.delivery, `${activity.delivery.taskId}  `);
      } else terminal.print(terminal.colour('red', describeRequest(activity.request)));
    },
    end: () => terminal.print(describeReport(simulator.report())),
  };
};

/** Creates a view that prints a line of JSON for each activity, and one with the report. */
export const createJsonView = (simulator: Simulator, { print }: Terminal): ActivityView => ({
  show: (activity) => print(JSON.stringify(activity)),
  end: () => print(JSON.stringify({ type: 'report', report: simulator.report() })),
});
