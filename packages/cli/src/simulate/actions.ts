// What keys do to the simulator. Each outcome goes to the log.
import type { Simulator } from '@novita-webhooks/simulator';
import { describeDelivery, messageOf } from '@novita-webhooks/simulator/cli';

import type { Log } from './log.ts';
import { openLink } from './open-link.ts';
import { listLinks } from './result-links.ts';
import type { Action } from './view-state.ts';

const shorten = (id: string): string => id.slice(0, 8);

/** Delivers the event of a task again, with retries. */
const redeliver = async (simulator: Simulator, taskId: string, log: Log): Promise<void> => {
  const name = shorten(taskId);
  const { retryDelaysMs: delaysMs } = simulator.settings();
  try {
    log.add(`${name}: delivering again`);
    const delivery = await simulator.redeliver(taskId);
    const { acknowledged, answer } = describeDelivery(delivery, { delaysMs, isPerformed: true });
    log.add(`${name}: delivered again: ${answer}`, acknowledged ? 'green' : 'red');
  } catch (error) {
    log.add(`${name}: ${messageOf(error)}`, 'red');
  }
};

/** Opens the first result of a task in the browser. */
const openResult = async (simulator: Simulator, taskId: string, log: Log): Promise<void> => {
  const name = shorten(taskId);
  const [link] = listLinks(simulator.task(taskId)?.event);
  if (link === undefined) return log.add(`${name}: no result to open`, 'yellow');
  try {
    await openLink(link, simulator.url);
    log.add(`${name}: opened in the browser`);
  } catch (error) {
    log.add(
      `${name}: no browser opened: ${messageOf(error)}. The details have the link.`,
      'yellow',
    );
  }
};

/** Does what a key asks of the simulator. Returns at once. */
export const runAction = (action: Action, simulator: Simulator, log: Log): void => {
  if (action.type === 'redeliver') void redeliver(simulator, action.taskId, log);
  if (action.type === 'open') void openResult(simulator, action.taskId, log);
  if (action.type !== 'break') return;
  simulator.breakNext(action.fault);
  log.add(`The next delivery gets the fault ${action.fault}.`, 'yellow');
};
