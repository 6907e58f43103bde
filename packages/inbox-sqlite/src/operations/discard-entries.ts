import type { EntryTarget } from '@novita-webhooks/core';

import type { Connection } from '../connection/connection.ts';
import { toTargets, UNCHANGED_TARGETS } from './targets.ts';

const DISCARD = `DELETE FROM novita_entries WHERE state <> 'running' AND id IN (${UNCHANGED_TARGETS})`;

/** Deletes entries that are not running. Returns how many. */
export function discardEntries(connection: Connection, targets: readonly EntryTarget[]): number {
  return connection.run(DISCARD, { targets: toTargets(targets) });
}
