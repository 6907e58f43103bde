import { Option, type Command } from 'commander';
import { CommandError } from '@novita-webhooks/simulator/cli';

import {
  ADDRESS_FORMS,
  isAddress,
  isDatabaseFile,
  parseAddress,
  type InboxAddress,
} from './address.ts';

/** The value of {@link inboxOption}. */
export interface InboxOption {
  readonly inbox?: string;
}

/** Creates the option `--inbox`. */
export const inboxOption = (): Option =>
  new Option('--inbox <address>', ADDRESS_FORMS).env('NOVITA_INBOX');

/** @throws CommandError `usage` */
export const requireAddress = ({ inbox }: InboxOption): InboxAddress => {
  if (inbox !== undefined && inbox !== '') return parseAddress(inbox);
  const message = `no inbox is named. Pass --inbox ${ADDRESS_FORMS}, or set NOVITA_INBOX.`;
  throw new CommandError('usage', message);
};

/** `inbox <address> list` is read as `inbox list --inbox <address>`. */
export const moveInboxAddress = (args: readonly string[]): readonly string[] => {
  const [group, address, command, ...others] = args;
  if (group !== 'inbox' || command === undefined || !isAddress(address ?? '')) return args;
  return [group, command, '--inbox', address ?? '', ...others];
};

/** Commands whose first argument is a file or an id, and may look like a database file. */
const WITH_ARGUMENTS = ['show', 'replay', 'discard', 'export', 'import'];

/** A word that stands where no inbox may stand, if it looks like one. */
const findMisplaced = ([group, ...words]: readonly string[]): string | undefined => {
  const [first = '', second = ''] = words;
  if (group !== 'inbox') return undefined;
  if (isAddress(first)) return words.length === 1 ? first : undefined;
  if (isDatabaseFile(first)) return first;
  const isArgument = WITH_ARGUMENTS.includes(first);
  return !isArgument && (isAddress(second) || isDatabaseFile(second)) ? second : undefined;
};

/**
 * Checks where the inbox is among the arguments. The message repeats no URL: it may have a password.
 *
 * @throws CommandError `usage`
 */
export const checkInboxAddress = (args: readonly string[], program: Command): void => {
  const word = findMisplaced(args);
  if (word === undefined) return;
  const group = program.commands.find((command) => command.name() === 'inbox');
  const names = group?.commands.map((command) => command.name()) ?? [];
  const known = names.find((name) => args.includes(name)) ?? 'stats';
  const address = isDatabaseFile(word) ? `sqlite:${word.replace(/^sqlite:/i, '')}` : '<address>';
  const message =
    `pass the inbox in front of the command, such as: inbox ${address} ${known}. ` +
    `Or pass --inbox ${address}. The commands are ${names.join(', ')}.`;
  throw new CommandError('usage', message);
};
