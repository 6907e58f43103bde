import { Argument, type Command } from 'commander';

import { listCommands, type CommandNode } from '../command-tree.ts';
import type { Console } from '../terminal/console.ts';
import { toBashScript } from './bash.ts';
import { toFishScript } from './fish.ts';
import { toZshScript } from './zsh.ts';

const EXAMPLES = `
Examples:
  $ source <(novita-webhooks completion bash)       in ~/.bashrc
  $ source <(novita-webhooks completion zsh)        in ~/.zshrc, after compinit
  $ novita-webhooks completion fish | source        in ~/.config/fish/config.fish

The shell must find novita-webhooks: npm install --global @novita-webhooks/cli`;

type ToScript = (name: string, nodes: readonly CommandNode[]) => string;

const SHELLS: Readonly<Record<string, ToScript>> = {
  bash: toBashScript,
  zsh: toZshScript,
  fish: toFishScript,
};

/** Adds `completion`, which prints a script for a shell. Must be the last one: it knows those before. */
export const addCompletionCommand = (program: Command, console: Console): void => {
  program
    .command('completion')
    .summary('print a script that completes commands in a shell')
    .description('Prints a script with which a shell completes commands, options and their values.')
    .addArgument(new Argument('<shell>', 'name of the shell').choices(Object.keys(SHELLS)))
    .addHelpText('after', EXAMPLES)
    .action((shell: string) =>
      console.write(SHELLS[shell]?.(program.name(), listCommands(program)) ?? ''),
    );
};
