import { now, type WriteRecord } from './history.ts';
import type { ArmedPoint, KillPointName } from './kill-points.ts';

/** Reports that the process is at a kill point. Does not return if the point is due. */
export type Reach = (point: KillPointName) => void;

export interface KillSwitch {
  readonly reach: Reach;
  arm(point: ArmedPoint | null): void;
}

/** Signals its own process at the armed point, as `kill -9` does: no code runs afterwards. */
export function createKillSwitch(server: string, write: WriteRecord): KillSwitch {
  let armed: ArmedPoint | null = null;
  let left = 0;
  return {
    arm(point) {
      armed = point;
      left = point?.nth ?? 0;
    },
    reach(point) {
      if (armed?.point !== point) return;
      left -= 1;
      if (left > 0) return;
      const { signal } = armed;
      armed = null;
      const type = signal === 'SIGKILL' ? 'killed' : 'frozen';
      write({ type, server, point, at: now() });
      process.kill(process.pid, signal);
    },
  };
}
