import type { EntryFilter, EntryGroup, Inbox } from '@novita-webhooks/core';
import type { Command } from 'commander';

import type { Console } from '../terminal/console.ts';
import { toAgeText, toCountText, toTimeText } from '../terminal/printable.ts';
import { printTable, type Column } from '../terminal/table.ts';
import { filterOptions, toFilter, type FilterOptions } from './filter-options.ts';
import { requireAddress, type InboxOption } from './inbox-option.ts';
import { withInbox } from './open-inbox.ts';
import { addSubcommand } from './subcommand.ts';

interface GroupsOptions extends FilterOptions, InboxOption {
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ novita-webhooks inbox groups --inbox sqlite:webhooks.db
  $ novita-webhooks inbox groups --state pending,dead --received-from 1d
  $ novita-webhooks inbox replay --same-error-as <task id of an example>`;

const COUNT: Column<EntryGroup> = {
  heading: 'COUNT',
  text: ({ count }) => String(count),
  alignRight: true,
};
const FIRST: Column<EntryGroup> = { heading: 'FIRST', text: ({ firstAt }) => toTimeText(firstAt) };
const LAST: Column<EntryGroup> = { heading: 'LAST', text: ({ lastAt }) => toTimeText(lastAt) };
const AGE: Column<EntryGroup> = { heading: 'AGE', text: ({ lastAt }) => toAgeText(lastAt) };
const EXAMPLE: Column<EntryGroup> = { heading: 'EXAMPLE', text: ({ example }) => example.taskId };
const ERROR: Column<EntryGroup> = { heading: 'ERROR', text: ({ errorGroup }) => errorGroup };

const LAYOUTS: readonly (readonly Column<EntryGroup>[])[] = [
  [COUNT, FIRST, LAST, EXAMPLE, ERROR],
  [COUNT, AGE, EXAMPLE, ERROR],
];

const merge = (one: EntryGroup | undefined, other: EntryGroup): EntryGroup =>
  one === undefined
    ? other
    : {
        ...one,
        count: one.count + other.count,
        firstAt: Math.min(one.firstAt, other.firstAt),
        lastAt: Math.max(one.lastAt, other.lastAt),
      };

/** Calls the inbox until it has examined all entries: one call does bounded work. */
const readGroups = async (
  inbox: Inbox,
  filter: EntryFilter,
  { progress }: Console,
): Promise<EntryGroup[]> => {
  const groups = new Map<string, EntryGroup>();
  let cursor: string | undefined;
  let scanned = 0;
  do {
    const page = await inbox.groups({ ...filter, ...(cursor !== undefined && { cursor }) });
    for (const group of page.groups) {
      groups.set(group.errorGroup, merge(groups.get(group.errorGroup), group));
    }
    scanned += page.scanned;
    cursor = page.cursor ?? undefined;
    progress(
      `${toCountText(scanned)} examined, ${groups.size} ${groups.size === 1 ? 'group' : 'groups'}`,
    );
  } while (cursor !== undefined);
  progress(undefined);
  return [...groups.values()].sort((one, other) => other.count - one.count);
};

const showGroups = async (options: GroupsOptions, console: Console): Promise<void> => {
  const groups = await withInbox(requireAddress(options), { create: false }, async (inbox) => {
    const filter = await toFilter(inbox, options);
    return readGroups(inbox, { states: ['dead'], ...filter }, console);
  });
  if (options.json) {
    console.print(JSON.stringify({ groups }));
    return;
  }
  printTable(console, LAYOUTS, groups);
  if (groups.length === 0 && console.isTerminal) console.printError('No failed entry matches.');
};

/** Adds `inbox groups`. */
export const addGroupsCommand = (group: Command, console: Console): void => {
  const command = addSubcommand(group, 'groups', {
    summary: 'group failures by their error',
    description:
      'Groups failures by their error, without the numbers, ids and addresses in it; an HTTP status ' +
      'stays. The largest group first. Without --state: dead letters.',
    examples: EXAMPLES,
  });
  for (const option of filterOptions()) command.addOption(option);
  command.action((options: GroupsOptions) => showGroups(options, console));
};
