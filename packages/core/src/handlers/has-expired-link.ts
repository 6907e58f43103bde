import { assets } from '../events/assets.ts';
import type { TaskResult } from '../events/task-result.ts';

/**
 * Whether a link of the result is known to have expired.
 *
 * @param now milliseconds since 1970
 */
export function hasExpiredLink(result: TaskResult, now: number): boolean {
  return assets(result).some(
    ({ expires_at }) => expires_at !== null && expires_at.getTime() <= now,
  );
}
