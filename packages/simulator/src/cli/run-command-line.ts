import manifest from '../../package.json' with { type: 'json' };
import { createProgram, isCommanderError } from './create-program.ts';
import { addStartCommand } from './start.ts';
import type { Terminal } from './terminal.ts';
import { addTriggerCommand, EXIT_USAGE } from './trigger.ts';

const toExitCode = (error: unknown, { printError }: Terminal): number => {
  if (isCommanderError(error)) return error.exitCode === 0 ? 0 : EXIT_USAGE;
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
  const { version } = manifest;
  const description =
    'A local Novita AI for development: start runs one, trigger delivers one event.';
  const program = createProgram({ name: 'novita-simulator', description, version }, terminal);
  addStartCommand(program, terminal);
  addTriggerCommand(program, terminal);
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    terminal.setExitCode(toExitCode(error, terminal));
  }
};
