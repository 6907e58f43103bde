import type { Command } from 'commander';

import { createProgram, isCommanderError, type ProgramDescription } from './create-program.ts';
import { toFailure, type Failure } from './errors.ts';
import { EXIT_CODES } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

const EPILOGUE = `
Secrets come from the environment (NOVITA_WEBHOOK_SECRET). No .env file is read.

Exit codes: 0 done, 1 the answer is no, 2 wrong command line, 3 an inbox, server, port or file cannot
be used, 4 the content of a file is wrong, 70 a fault of this command, 130 Ctrl-C, 143 SIGTERM.`;

/** Names the command that has a subcommand of this name, which was typed without it. */
const suggestParent = ({ commands }: Command, error: string): string => {
  const [, wanted] = /^unknown command '([\w-]+)'/.exec(error) ?? [];
  const parent = commands.find((one) => one.commands.some((child) => child.name() === wanted));
  if (wanted === undefined || parent === undefined) return error;
  return error.replace(/'$/m, `'\n(Did you mean ${parent.name()} ${wanted}?)`);
};

/**
 * Creates a program, adds its commands, runs one, prints errors and sets the exit code. With `--json`
 * among the arguments, an error is an object on stderr: `{ error: { category, message } }`.
 *
 * @param args without the names of the runtime and the program
 * @param addCommands adds the commands to the program
 */
export const runProgram = async (
  description: ProgramDescription,
  args: readonly string[],
  terminal: Terminal,
  addCommands: (program: Command) => void,
): Promise<void> => {
  const { name } = description;
  const { printError, colour, setExitCode } = terminal;
  const isJson = args.includes('--json');
  const texts: string[] = []; // of commander
  const collected = { ...terminal, printError: (text: string) => void texts.push(text) };
  const program = createProgram(description, collected).addHelpText('after', EPILOGUE);
  const fail = ({ category, message }: Failure): void => {
    if (isJson) printError(JSON.stringify({ error: { category, message } }));
    else printError(colour('red', `${name}: ${message}`));
    setExitCode(EXIT_CODES[category]);
  };
  // The help of a command that needs another one, such as `inbox`, is no error message.
  const failWithHelp = (help: string): void => {
    printError(help);
    setExitCode(EXIT_CODES.usage);
  };
  try {
    addCommands(program);
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!isCommanderError(error)) fail(toFailure(error, name));
    else if (error.exitCode === 0) setExitCode(EXIT_CODES.ok);
    else if (error.code === 'commander.help' && !isJson) failWithHelp(texts.join('\n'));
    else fail({ category: 'usage', message: suggestParent(program, texts.join('\n')) });
  }
};
