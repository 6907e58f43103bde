import type { Inbox } from '@novita-webhooks/core';
import { EXIT_CODES } from '@novita-webhooks/simulator/cli';

import type { Console } from '../terminal/console.ts';
import { printable } from '../terminal/printable.ts';
import type { Action } from './action.ts';

/** Which entries, and how. */
interface IdOptions {
  readonly endpoint: string;
  readonly taskIds: readonly string[];
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** What happened, or with `--dry-run` would happen, to an entry. */
interface Outcome {
  readonly isActed: boolean;
  readonly text: string;
}

const actOnId = async (
  inbox: Inbox,
  action: Action,
  taskId: string,
  { endpoint, dryRun }: IdOptions,
): Promise<Outcome> => {
  const key = { endpoint, taskId };
  const entry = await inbox.get(key);
  const refusal = action.refusal(entry);
  const isActed = dryRun ? refusal === undefined : await action.one(inbox, key);
  if (!isActed) return { isActed, text: refusal ?? 'has changed meanwhile. Try again' };
  const remark = entry === undefined ? '' : action.remark(entry);
  return { isActed, text: `${dryRun ? 'would be ' : ''}${action.past}${remark}` };
};

/** Acts on the entries of some tasks, one after the other. Returns the exit code. */
export const actOnIds = async (
  inbox: Inbox,
  action: Action,
  options: IdOptions,
  console: Console,
): Promise<number> => {
  const { taskIds, dryRun, json } = options;
  const acted: string[] = [];
  const skipped: string[] = [];
  for (const taskId of new Set(taskIds)) {
    const { isActed, text } = await actOnId(inbox, action, taskId, options);
    (isActed ? acted : skipped).push(taskId);
    if (json) continue;
    const line = `${printable(taskId)}: ${isActed ? text : console.colour('red', text)}`;
    (isActed ? console.print : console.printError)(line);
  }
  const result = { ...(dryRun && { dryRun }), [action.past]: acted, skipped };
  if (json) console.print(JSON.stringify(result));
  else if (dryRun) console.print('Nothing was changed.');
  return skipped.length === 0 ? EXIT_CODES.ok : EXIT_CODES.negative;
};
