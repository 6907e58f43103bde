import type { Inbox } from '@novita-webhooks/core';
import { EXIT_CODES } from '@novita-webhooks/simulator/cli';

import type { Console } from '../terminal/console.ts';
import { printable } from '../terminal/printable.ts';
import type { Action } from './action.ts';

/** Acts on the entries of some tasks, one after the other. Returns the exit code. */
export const actOnIds = async (
  inbox: Inbox,
  action: Action,
  keys: { readonly endpoint: string; readonly taskIds: readonly string[] },
  console: Console,
  isJson: boolean,
): Promise<number> => {
  const { endpoint, taskIds } = keys;
  const acted: string[] = [];
  const skipped: string[] = [];
  for (const taskId of new Set(taskIds)) {
    const isDone = await action.one(inbox, { endpoint, taskId });
    (isDone ? acted : skipped).push(taskId);
    if (isJson) continue;
    const text = isDone ? action.past : console.colour('red', action.refusal);
    (isDone ? console.print : console.printError)(`${printable(taskId)}: ${text}`);
  }
  if (isJson) console.print(JSON.stringify({ [action.past]: acted, skipped }));
  return skipped.length === 0 ? EXIT_CODES.ok : EXIT_CODES.negative;
};
