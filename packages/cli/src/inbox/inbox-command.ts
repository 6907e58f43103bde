import type { Command } from 'commander';

import type { Console } from '../terminal/console.ts';
import { addDiscardCommand, addReplayCommand } from './act-commands.ts';
import { addGroupsCommand } from './groups.ts';
import { addListCommand } from './list.ts';
import { addShowCommand } from './show.ts';
import { addStatsCommand } from './stats.ts';
import { addExportCommand, addImportCommand } from './transfer-commands.ts';

const EXAMPLES = `
The inbox is --inbox, NOVITA_INBOX, or the first argument:
  $ novita-webhooks inbox sqlite:webhooks.db stats
  $ novita-webhooks inbox list --state dead --inbox 'postgres://localhost/app?schema=webhooks'
  $ NOVITA_INBOX=redis://localhost:6379 novita-webhooks inbox groups

An address with a password belongs into NOVITA_INBOX: other users of a machine can read arguments.`;

/** Adds `inbox` and its commands. */
export const addInboxCommand = (program: Command, console: Console): void => {
  const group = program
    .command('inbox')
    .summary('show and repair what is in an inbox')
    .description(
      'Shows and repairs what is in an inbox. Needs no receiver, no secret, no handlers.',
    )
    .addHelpText('after', EXAMPLES);
  addStatsCommand(group, console);
  addListCommand(group, console);
  addGroupsCommand(group, console);
  addShowCommand(group, console);
  addReplayCommand(group, console);
  addDiscardCommand(group, console);
  addExportCommand(group, console);
  addImportCommand(group, console);
};
