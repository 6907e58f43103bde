import { now, type Write } from './history.ts';
import type { Arm, PointName } from './kill-points.ts';

/** Says that a moment is there. Does not return if it is the one to die at. */
export type Reach = (point: PointName) => void;

export interface Trap {
  readonly reach: Reach;
  arm(arm: Arm | null): void;
}

/** Ends this process at the n-th time that it reaches a point, as `kill -9` does: nothing runs after. */
export function createTrap(victim: string, write: Write): Trap {
  let armed: Arm | null = null;
  let left = 0;
  return {
    arm(arm) {
      armed = arm;
      left = arm?.nth ?? 0;
    },
    reach(point) {
      if (armed?.point !== point) return;
      left -= 1;
      if (left > 0) return;
      const { signal } = armed;
      armed = null;
      const type = signal === 'SIGKILL' ? 'killed' : 'frozen';
      write({ type, victim, point, at: now() });
      process.kill(process.pid, signal);
    },
  };
}
