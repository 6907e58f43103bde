import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import type { Line } from './history.ts';
import type { Novita } from './sender.ts';
import type { Pool } from './server-pool.ts';
import type { Random } from '../support/random.ts';

/** What became of a worker that slept past its lease, and of what it did when it woke up. */
export interface Freeze {
  /** Its name in the journal. */
  readonly victim: string;
  /** Tasks that somebody else had begun by then. */
  readonly takenOver: readonly string[];
  /** Outcomes that were recorded for it afterwards, and entries that were not the taker's. */
  readonly counted: number;
}

/** Under the name that its row has. */
export const FROZEN = 'frozen past its lease';

const TASKS = 8;
/** Long enough for the taker to be still at it when the sleeper has woken up. */
const TAKER_MS = 1500;
const PATIENCE_MS = 6000;

/**
 * Stops a worker in the middle of its handlers, waits until another one has taken over, and lets it
 * go on. It cannot know yet that it lost the entries: the fence has to.
 */
export async function freeze(
  pool: Pool,
  novita: Novita,
  random: Random,
  journal: () => readonly Line[],
): Promise<Freeze> {
  await Promise.all(pool.alive().map((victim) => pool.close(victim)));
  const point = random.next() < 0.5 ? 'handler' : 'handled';
  const arm = { point, nth: random.between(1, TASKS / 2), signal: 'SIGSTOP' } as const;
  const sleeper = await pool.start({ arm, handlerMs: 150, watched: false });
  const tasks = Array.from({ length: TASKS }, () => randomUUID());
  novita.send(tasks, 0, FROZEN);
  const isFrozen = (line: Line) => line.type === 'frozen' && line.victim === sleeper.name;
  await until(() => journal().some(isFrozen));

  const taker = await pool.start({ handlerMs: TAKER_MS });
  const theirs = () => {
    const lines = journal();
    const begun = new Set(tasksOf(lines, sleeper.name, 'begun'));
    return tasksOf(lines, taker.name, 'open').filter((taskId) => begun.has(taskId));
  };
  await until(() => theirs().length > 0);
  await pause(50);
  const takenOver = theirs();
  sleeper.thaw();
  await pause(400);
  // Whatever the sleeper had to settle is settled now, or refused.
  const stillOpen = new Set(theirs());
  const watched = takenOver.filter((taskId) => stillOpen.has(taskId));
  const states = await taker.ask('states', watched);
  const counted = states.filter((state) => state !== 'running').length;
  await Promise.all([pool.close(sleeper), pool.close(taker)]);
  return { victim: sleeper.name, takenOver: watched, counted };
}

/** Tasks that a victim has begun; `open`: and not ended. */
function tasksOf(lines: readonly Line[], victim: string, which: 'begun' | 'open'): string[] {
  const ended = new Set(lines.flatMap((line) => (line.type === 'end' ? [line.run] : [])));
  const counts = (run: string) => which === 'begun' || !ended.has(run);
  return lines.flatMap((line) =>
    line.type === 'begin' && line.victim === victim && counts(line.run) ? [line.taskId] : [],
  );
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isTrue() && performance.now() < deadline) await pause(20);
}
