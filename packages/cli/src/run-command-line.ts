import { addStartCommand, runProgram } from '@novita-webhooks/simulator/cli';

import manifest from '../package.json' with { type: 'json' };
import { addCompletionCommand } from './completion/completion-command.ts';
import { addDoctorCommand } from './doctor/doctor-command.ts';
import { addInboxCommand } from './inbox/inbox-command.ts';
import { moveInboxAddress } from './inbox/inbox-option.ts';
import { addServeCommand } from './serve/serve-command.ts';
import type { Console } from './terminal/console.ts';
import { addTrigger } from './trigger/trigger-command.ts';
import { addUrlCommand } from './url/url-command.ts';

const NAME = 'novita-webhooks';
const DESCRIPTION =
  'Webhooks of Novita AI: send and receive events, test endpoints, look into inboxes and repair them.';

/**
 * Runs the command `novita-webhooks`, prints its errors and sets the exit code.
 *
 * @param args without the names of the runtime and the program
 */
export const runCommandLine = (args: readonly string[], console: Console): Promise<void> =>
  runProgram(
    { name: NAME, description: DESCRIPTION, version: manifest.version },
    moveInboxAddress(args),
    console,
    (program) => {
      addInboxCommand(program, console);
      addTrigger(program, console);
      addServeCommand(program, console);
      addUrlCommand(program, console);
      addDoctorCommand(program, console);
      addStartCommand(program, console, { start: `${NAME} simulate` });
      addCompletionCommand(program, console);
    },
  );
