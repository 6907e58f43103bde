import { Option } from 'commander';
import { CommandError } from '@novita-webhooks/simulator/cli';

import { ADDRESS_FORMS, isAddress, parseAddress, type InboxAddress } from './address.ts';

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
