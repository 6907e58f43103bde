import type { Entry } from '@novita-webhooks/core';
import { addTriggerCommand, CommandError } from '@novita-webhooks/simulator/cli';
import type { Command } from 'commander';

import { inboxOption, requireAddress } from '../inbox/inbox-option.ts';
import { withInbox } from '../inbox/open-inbox.ts';
import { invocation } from '../invocation.ts';
import type { Console } from '../terminal/console.ts';
import { printable } from '../terminal/printable.ts';

/** Options of `trigger` that choose an entry. */
interface EntryOptions {
  readonly inbox?: string;
  readonly endpoint?: string;
}

const readEntry = async (
  taskId: string,
  { inbox: address, endpoint = '' }: EntryOptions,
): Promise<Pick<Entry, 'body' | 'metadata' | 'testMode'>> => {
  const options = address === undefined ? {} : { inbox: address };
  const entry = await withInbox(requireAddress(options), { create: false }, (inbox) =>
    inbox.get({ endpoint, taskId }),
  );
  if (entry !== undefined) return entry;
  const message = `--from: the endpoint ${endpoint} has no entry ${printable(taskId)}. Compare the id, or pass --endpoint.`;
  throw new CommandError('negative', message);
};

/** Adds `trigger`: that of the simulator, which can also send an entry of an inbox again. */
export const addTrigger = (program: Command, console: Console): void => {
  addTriggerCommand(program, console, {
    trigger: 'novita-webhooks trigger',
    start: `${invocation()} simulate`,
    options: [inboxOption()],
    readEntry,
  });
};
