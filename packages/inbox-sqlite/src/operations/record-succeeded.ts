import type { ClaimRef } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { ALL_SUCCEEDED_HANDLERS } from './succeeded-handlers.ts';

const RECORD = `
UPDATE novita_entries SET succeeded_handlers = ${ALL_SUCCEEDED_HANDLERS}
WHERE task_id = :taskId AND endpoint = :endpoint AND id || '.' || replays = :series`;

/** Needs no valid fencing token, but one of the same series: `<id>.<replays>.<uuid>`. */
export function recordSucceeded(
  connection: Connection,
  { endpoint, taskId, fencingToken }: ClaimRef,
  names: readonly string[],
): boolean {
  const series = fencingToken.split('.').slice(0, 2).join('.');
  const succeededHandlers = JSON.stringify(names);
  return connection.run(RECORD, { endpoint, taskId, series, succeededHandlers }) > 0;
}
