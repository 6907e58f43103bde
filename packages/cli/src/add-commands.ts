import type { Command } from 'commander';

import { addCompletionCommand } from './completion/completion-command.ts';
import { addDoctorCommand } from './doctor/doctor-command.ts';
import { addInboxCommand } from './inbox/inbox-command.ts';
import { addServeCommand } from './serve/serve-command.ts';
import { addSimulateCommand } from './simulate/simulate-command.ts';
import type { Console } from './terminal/console.ts';
import { addTrigger } from './trigger/trigger-command.ts';
import { addUrlCommand } from './url/url-command.ts';

/** The name of the program, and what it is for. */
export const PROGRAM = {
  name: 'novita-webhooks',
  description:
    'Webhooks of Novita AI: send and receive events, test endpoints, look into inboxes and repair them.',
} as const;

const EXAMPLES = `
From nothing to the first event, in two terminals:
  $ novita-webhooks serve
  $ novita-webhooks trigger <the URL that serve prints>`;

/** Adds all commands to a program. */
export const addCommands = (program: Command, console: Console): void => {
  program.addHelpText('after', EXAMPLES);
  addServeCommand(program, console);
  addTrigger(program, console);
  addUrlCommand(program, console);
  addDoctorCommand(program, console);
  addInboxCommand(program, console);
  addSimulateCommand(program, console);
  addCompletionCommand(program, console);
};
