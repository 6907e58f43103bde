import { createProgram, isCommanderError } from '@novita-webhooks/simulator/cli';

import manifest from '../package.json' with { type: 'json' };
import { toFailure, type Failure } from './errors.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { addInboxCommand } from './inbox/inbox-command.ts';
import { moveInboxAddress } from './inbox/inbox-option.ts';
import type { Console } from './terminal/console.ts';

const NAME = 'novita-webhooks';
const DESCRIPTION = 'Shows and repairs what is in an inbox of Novita AI webhooks.';

const EPILOGUE = `
Secrets come from the environment (NOVITA_WEBHOOK_SECRET). No .env file is read.

Exit codes: 0 done, 1 the answer is no, 2 wrong command line, 3 an inbox, server or file cannot be
used, 4 the content of a file is wrong, 70 a fault of this command, 130 Ctrl-C, 143 SIGTERM.`;

const printFailure = (
  { category, message }: Failure,
  isJson: boolean,
  { printError, colour }: Console,
): void => {
  if (isJson) printError(JSON.stringify({ error: { category, message } }));
  else printError(colour('red', `${NAME}: ${message}`));
};

/**
 * Runs the command `novita-webhooks`, prints its errors and sets the exit code.
 *
 * @param args without the names of the runtime and the program
 */
export const runCommandLine = async (args: readonly string[], console: Console): Promise<void> => {
  const isJson = args.includes('--json');
  const { version } = manifest;
  const errors: string[] = [];
  const printError = (line: string): void => void errors.push(line);
  const program = createProgram(
    { name: NAME, description: DESCRIPTION, version },
    { ...console, printError: isJson ? printError : console.printError },
  );
  program.addHelpText('after', EPILOGUE);
  addInboxCommand(program, console);
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(moveInboxAddress(args), { from: 'user' });
  } catch (error) {
    console.progress(undefined);
    if (isCommanderError(error)) {
      if (errors.length > 0) {
        printFailure(
          { category: 'usage', message: errors.join('\n').slice(`${NAME}: `.length) },
          isJson,
          console,
        );
      }
      console.setExitCode(error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage);
      return;
    }
    const failure = toFailure(error);
    printFailure(failure, isJson, console);
    console.setExitCode(EXIT_CODES[failure.category]);
  }
};
