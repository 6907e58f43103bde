import { Command, CommanderError } from 'commander';

import manifest from '../../package.json' with { type: 'json' };
import { addStartCommand } from './start.ts';
import type { Terminal } from './terminal.ts';
import { addTriggerCommand, EXIT_USAGE } from './trigger.ts';

const createProgram = (terminal: Terminal): Command => {
  const program = new Command('novita-simulator')
    .description('A local Novita AI for development: start runs one, trigger delivers one event.')
    .version(manifest.version)
    .exitOverride()
    .showHelpAfterError('Add --help for the options.')
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.printError(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, 'novita-simulator: ')),
    });
  addStartCommand(program, terminal);
  addTriggerCommand(program, terminal);
  return program;
};

/** Commander has printed its errors already. It reports help and version as an error with code 0. */
const toExitCode = (error: unknown, { printError }: Terminal): number => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  printError(error instanceof Error ? error.message : String(error));
  return 1;
};

/**
 * Runs the command `novita-simulator`, prints its errors and sets the exit code.
 *
 * @param args without the names of the runtime and the program
 */
export const runCommandLine = async (
  args: readonly string[],
  terminal: Terminal,
): Promise<void> => {
  const program = createProgram(terminal);
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    terminal.setExitCode(toExitCode(error, terminal));
  }
};
