import type { Logger } from '../shared/logger.ts';

/** Logs a message at `warn` the first time that a kind of it occurs, and at `debug` afterwards. */
export type WarnOnce = (kind: string, fields: Record<string, unknown>, message: string) => void;

/** Kinds may come from senders, so only as many are remembered and warned about. */
const MAX_KINDS = 100;

export function createWarnOnce(log: Logger): WarnOnce {
  const kinds = new Set<string>();
  return (kind, fields, message) => {
    if (kinds.has(kind) || kinds.size >= MAX_KINDS) log.debug(fields, message);
    else {
      kinds.add(kind);
      log.warn(fields, message);
    }
  };
}
