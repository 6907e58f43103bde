import { runProgram } from '@novita-webhooks/simulator/cli';

import manifest from '../package.json' with { type: 'json' };
import { addCommands, PROGRAM } from './add-commands.ts';
import { checkInboxAddress, moveInboxAddress } from './inbox/inbox-option.ts';
import type { Console } from './terminal/console.ts';

/**
 * Runs the command `novita-webhooks`, prints its errors and sets the exit code.
 *
 * @param args without the names of the runtime and the program
 */
export const runCommandLine = (args: readonly string[], console: Console): Promise<void> =>
  runProgram(
    { ...PROGRAM, version: manifest.version },
    moveInboxAddress(args),
    console,
    (program) => {
      addCommands(program, console);
      checkInboxAddress(args, program);
    },
  );
