// The definitions of commander as data, for shell completion and the reference.
import type { Command, Option } from 'commander';

/** A word that a shell can complete. */
export interface Candidate {
  readonly word: string;
  readonly summary: string;
}

/** An option of a command. */
export interface OptionNode extends Candidate {
  /** Values that may follow. Empty: any. */
  readonly choices: readonly string[];
  readonly takesValue: boolean;
}

/** A command of a program, or the program. */
export interface CommandNode {
  /** `inbox list`; `''` for the program. */
  readonly path: string;
  readonly commands: readonly Candidate[];
  readonly options: readonly OptionNode[];
  /** Words for the first argument. Empty: any. */
  readonly choices: readonly string[];
}

const toSummary = (command: Command): string => command.summary() || command.description();

const toOption = ({ long, description, argChoices, required, optional }: Option): OptionNode => ({
  word: long ?? '',
  summary: description,
  choices: argChoices ?? [],
  takesValue: required || optional,
});

const toNodes = (command: Command, path: string): CommandNode[] => {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const [argument] = command.registeredArguments;
  const node: CommandNode = {
    path,
    commands: commands.map((it) => ({ word: it.name(), summary: toSummary(it) })),
    options: help.visibleOptions(command).map(toOption),
    choices: argument?.argChoices ?? [],
  };
  const children = commands.filter((it) => it.name() !== 'help');
  return [node, ...children.flatMap((it) => toNodes(it, `${path} ${it.name()}`.trimStart()))];
};

/** All commands of a program, the program first. */
export const listCommands = (program: Command): CommandNode[] => toNodes(program, '');
