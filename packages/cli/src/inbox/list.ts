import type { Entry, EntryFilter, EntryPage, EntryQuery, Inbox } from '@novita-webhooks/core';
import { Option, type Command } from 'commander';

import type { Console } from '../terminal/console.ts';
import { toAgeText, toCountText, toEntriesText, toTimeText } from '../terminal/printable.ts';
import { cut, printTable, type Column } from '../terminal/table.ts';
import { addSubcommand, parsePositive } from './subcommand.ts';
import { filterOptions, toFilter, type FilterOptions } from './filter-options.ts';
import { describeEmpty } from './address.ts';
import { requireAddress, type InboxOption } from './inbox-option.ts';
import { withInbox } from './open-inbox.ts';
import { toStateText } from './state-text.ts';
import { toStatusText } from './status-text.ts';

interface ListOptions extends FilterOptions, InboxOption {
  readonly limit: number;
  readonly order: 'newest' | 'oldest';
  readonly cursor?: string;
  readonly bodies?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ novita-webhooks inbox list --inbox sqlite:webhooks.db --state dead
  $ novita-webhooks inbox list --state dead --reason-contains 503 --received-from 2h
  $ novita-webhooks inbox list --metadata orderId=42 --json | jq .entries`;

const MAX_PAGE = 1000;

const MAX_ID_CHARACTERS = 40;

const ID: Column<Entry> = { heading: 'TASK ID', text: ({ taskId }) => taskId };
const SHORT_ID: Column<Entry> = { ...ID, text: ({ taskId }) => cut(taskId, MAX_ID_CHARACTERS) };
const STATE: Column<Entry> = { heading: 'STATE', text: toStateText };
const TYPE: Column<Entry> = { heading: 'TYPE', text: ({ taskType }) => taskType };
const STATUS: Column<Entry> = {
  heading: 'STATUS',
  text: (entry) => toStatusText(entry).replace(/^TASK_STATUS_/, ''),
};
const ATTEMPTS: Column<Entry> = {
  heading: 'ATTEMPTS',
  text: ({ attempts }) => String(attempts),
  alignRight: true,
};
const RECEIVED: Column<Entry> = {
  heading: 'RECEIVED',
  text: ({ receivedAt }) => toTimeText(receivedAt),
};
const AGE: Column<Entry> = { heading: 'AGE', text: ({ receivedAt }) => toAgeText(receivedAt) };
const ENDPOINT: Column<Entry> = { heading: 'ENDPOINT', text: ({ endpoint }) => endpoint };
const REASON: Column<Entry> = { heading: 'REASON', text: ({ reason }) => reason ?? '' };

/** The last one leaves 20 characters for the reason in a terminal of 80 columns. */
const LAYOUTS: readonly (readonly Column<Entry>[])[] = [
  [ID, STATE, TYPE, STATUS, ATTEMPTS, RECEIVED, ENDPOINT, REASON],
  [ID, STATE, STATUS, RECEIVED, REASON],
  [SHORT_ID, STATE, AGE, REASON],
];

/** A page that was read from the inbox in several calls. */
type ListedPage = Pick<EntryPage, 'entries' | 'cursor' | 'scanned'>;

/** Reads on until the limit is reached: a single page does bounded work, and may be short. */
const readEntries = async (
  inbox: Inbox,
  query: EntryQuery & { readonly limit: number },
  onProgress: (page: ListedPage) => void,
): Promise<ListedPage> => {
  const entries: Entry[] = [];
  let scanned = 0;
  let cursor = query.cursor ?? null;
  do {
    const limit = Math.min(query.limit - entries.length, MAX_PAGE);
    const page = await inbox.list({ ...query, limit, ...(cursor !== null && { cursor }) });
    entries.push(...page.entries);
    scanned += page.scanned;
    cursor = page.cursor;
    onProgress({ entries, cursor, scanned });
  } while (cursor !== null && entries.length < query.limit);
  return { entries, cursor, scanned };
};

/** Counts the entries that match, without their bodies. */
export const countEntries = async (
  inbox: Inbox,
  filter: EntryFilter,
  { progress }: Console,
): Promise<number> => {
  let count = 0;
  let cursor: string | undefined;
  do {
    const page = await inbox.list({ ...filter, limit: MAX_PAGE, bodies: false, cursor });
    count += page.entries.length;
    cursor = page.cursor ?? undefined;
    progress(`counting: ${toCountText(count)}`);
  } while (cursor !== undefined);
  progress(undefined);
  return count;
};

const list = async (options: ListOptions, console: Console): Promise<void> => {
  const { limit, order, cursor, json, bodies = false } = options;
  const address = requireAddress(options);
  const { page, hint } = await withInbox(address, { create: false }, async (inbox) => {
    const filter = await toFilter(inbox, options);
    const query = { ...filter, limit, order, cursor, bodies };
    const found = await readEntries(inbox, query, ({ scanned, entries }) => {
      console.progress(`${toCountText(entries.length)} found, ${toCountText(scanned)} examined`);
    });
    const isFound = found.entries.length > 0;
    return {
      page: found,
      hint: isFound ? undefined : await describeEmpty(address, () => inbox.stats()),
    };
  });
  console.progress(undefined);
  if (json) {
    await console.write(`${JSON.stringify(page)}\n`);
    return;
  }
  printTable(console, LAYOUTS, page.entries);
  if (hint !== undefined) console.printError(console.colour('dim', hint));
  if (!console.isTerminal && page.cursor === null) return;
  const more = page.cursor === null ? '' : ` More: add --cursor ${page.cursor}, or raise --limit.`;
  const found =
    page.entries.length === 0 ? 'No entry matches.' : toEntriesText(page.entries.length) + '.';
  console.printError(console.colour('dim', `${found}${more}`));
};

/** Adds `inbox list`. */
export const addListCommand = (group: Command, console: Console): void => {
  const command = addSubcommand(group, 'list', {
    summary: 'list entries',
    description:
      'Lists the entries that match all filters, the newest first. Payloads are left out.',
    examples: EXAMPLES,
  });
  for (const option of filterOptions()) command.addOption(option);
  command
    .option('--limit <n>', 'how many entries', parsePositive(100_000), 50)
    .addOption(
      new Option('--order <order>', 'which are first')
        .choices(['newest', 'oldest'])
        .default('newest'),
    )
    .option('--cursor <cursor>', 'continues where an earlier list ended')
    .option('--bodies', 'with --json: also the payloads')
    .action((options: ListOptions) => list(options, console));
};
