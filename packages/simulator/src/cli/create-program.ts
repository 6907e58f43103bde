import { Command, CommanderError } from 'commander';

import { redactAddresses } from '../redact.ts';
import type { Terminal } from './terminal.ts';

/** Name, description and version of a program. */
export interface ProgramDescription {
  readonly name: string;
  readonly description: string;
  readonly version: string;
}

/**
 * Creates a program of commander that prints to the terminal, and throws where commander would end the
 * process.
 *
 * @example
 * const program = createProgram({ name: 'novita-simulator', description, version }, terminal);
 */
export const createProgram = (
  { name, description, version }: ProgramDescription,
  terminal: Terminal,
): Command =>
  new Command(name)
    .description(description)
    .version(version)
    .exitOverride()
    .showHelpAfterError('Add --help for the options.')
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.printError(text.trimEnd()),
      // A refused argument is repeated, and may be a URL with a password or a token.
      outputError: (text, write) => write(redactAddresses(text.replace(/^error: /, ''))),
    });

/**
 * Whether commander threw the error. It has printed it already. It also reports help and version as an
 * error, with exit code 0.
 */
export const isCommanderError = (error: unknown): error is CommanderError =>
  error instanceof CommanderError;
