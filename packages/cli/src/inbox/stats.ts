import type { Command } from 'commander';

import type { Console } from '../terminal/console.ts';
import { toCountText, toDurationText } from '../terminal/printable.ts';
import { describeEmpty } from './address.ts';
import { requireAddress, type InboxOption } from './inbox-option.ts';
import { withInbox } from './open-inbox.ts';
import { addSubcommand } from './subcommand.ts';

interface StatsOptions extends InboxOption {
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ novita-webhooks inbox stats --inbox sqlite:webhooks.db
  $ novita-webhooks inbox stats --inbox postgres://localhost/app --json`;

const stats = async (options: StatsOptions, console: Console): Promise<void> => {
  const address = requireAddress(options);
  const result = await withInbox(address, { create: false }, (inbox) => inbox.stats());
  if (options.json) {
    console.print(JSON.stringify(result));
    return;
  }
  const { lagMs, expected, pending, running, done, dead } = result;
  const counts = { ...(expected !== null && { expected }), pending, running, done, dead };
  for (const [state, count] of Object.entries(counts)) {
    const text = `${state.padEnd(8)} ${toCountText(count)}`;
    console.print(state === 'dead' && count > 0 ? console.colour('red', text) : text);
  }
  const lag =
    lagMs === 0 ? 'no entry is due' : `an entry has been due for ${toDurationText(lagMs)}`;
  console.print(`lag      ${lag}`);
  const hint = await describeEmpty(address, async () => result);
  if (hint !== undefined) console.printError(console.colour('dim', hint));
};

/** Adds `inbox stats`. */
export const addStatsCommand = (group: Command, console: Console): void => {
  addSubcommand(group, 'stats', {
    summary: 'count the entries by state',
    description:
      'Counts the entries by state, and says how long the oldest due one has been waiting. The ' +
      'record of a submit call with a key counts as done.',
    examples: EXAMPLES,
  }).action((options: StatsOptions) => stats(options, console));
};
