import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import type { Random } from '../support/random.ts';
import { waitUntil } from '../support/timeout.ts';
import type { HistoryRecord } from './history.ts';
import type { Sender } from './sender.ts';
import type { ServerPool } from './server-pool.ts';

/** The outcome of freezing a worker for longer than its lease. */
export interface Freeze {
  /** Name of the frozen process in the history. */
  readonly server: string;
  /** Tasks that the other process had begun when the frozen one was thawed. */
  readonly takenOver: readonly string[];
  /** How many of them were no longer `running` for the other process: late outcomes that counted. */
  readonly counted: number;
}

/** Name of the row in the results table. */
export const FROZEN = 'frozen past its lease';

const TASKS = 8;
/** Longer than the frozen process needs to report its outcomes after it is thawed. */
const NEW_OWNER_HANDLER_MS = 1500;
const TIMEOUT_MS = 6000;
/** How long the thawed process gets to report its outcomes. */
const SETTLE_MS = 400;

/**
 * Freezes a worker during its handlers, waits until another worker has claimed its entries, and thaws
 * it. The thawed worker does not know that its leases are lost. The fencing token must stop it.
 */
export async function freeze(
  pool: ServerPool,
  sender: Sender,
  random: Random,
  readHistory: () => readonly HistoryRecord[],
): Promise<Freeze> {
  await Promise.all(pool.alive().map((server) => pool.close(server)));
  const point = random.next() < 0.5 ? 'handler' : 'handled';
  const nth = random.between(1, TASKS / 2);
  const armed = { point, nth, signal: 'SIGSTOP' } as const;
  const frozen = await pool.start({ armed, handlerMs: 150, watched: false });
  const tasks = Array.from({ length: TASKS }, () => randomUUID());
  sender.send(tasks, 0, FROZEN);
  const isFrozen = (record: HistoryRecord) =>
    record.type === 'frozen' && record.server === frozen.name;
  await waitUntil(() => readHistory().some(isFrozen), { timeoutMs: TIMEOUT_MS });

  const newOwner = await pool.start({ handlerMs: NEW_OWNER_HANDLER_MS });
  const findTakenOver = () => {
    const records = readHistory();
    const begun = new Set(tasksOf(records, frozen.name, 'begun'));
    return tasksOf(records, newOwner.name, 'running').filter((taskId) => begun.has(taskId));
  };
  await waitUntil(() => findTakenOver().length > 0, { timeoutMs: TIMEOUT_MS });
  await pause(50);
  const takenOver = findTakenOver();
  frozen.thaw();
  await pause(SETTLE_MS);
  const stillRunning = new Set(findTakenOver());
  const compared = takenOver.filter((taskId) => stillRunning.has(taskId));
  const states = await newOwner.request('states', compared);
  const counted = states.filter((state) => state !== 'running').length;
  await Promise.all([pool.close(frozen), pool.close(newOwner)]);
  return { server: frozen.name, takenOver: compared, counted };
}

/** Tasks that a process has begun; `running`: and not ended. */
function tasksOf(
  records: readonly HistoryRecord[],
  server: string,
  which: 'begun' | 'running',
): string[] {
  const ended = new Set(records.flatMap((record) => (record.type === 'end' ? [record.run] : [])));
  const isWanted = (run: string) => which === 'begun' || !ended.has(run);
  return records.flatMap((record) =>
    record.type === 'begin' && record.server === server && isWanted(record.run)
      ? [record.taskId]
      : [],
  );
}
