import { parseInteger } from '@novita-webhooks/simulator/cli';
import type { Command } from 'commander';

import { inboxOption } from './inbox-option.ts';

/** Texts of a command. */
export interface SubcommandTexts {
  readonly summary: string;
  readonly description: string;
  /** Printed after the options. */
  readonly examples: string;
}

/** Adds a command that works on one inbox and can print JSON. */
export const addSubcommand = (
  group: Command,
  name: string,
  { summary, description, examples }: SubcommandTexts,
): Command =>
  group
    .command(name)
    .summary(summary)
    .description(description)
    .addOption(inboxOption())
    .option('--json', 'print JSON on stdout, and errors as JSON on stderr')
    .addHelpText('after', examples);

/** Makes a parser of whole numbers from 1. */
export const parsePositive = (max: number): ((text: string) => number) => parseInteger(1, max);
