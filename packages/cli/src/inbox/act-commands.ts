import { isWebhookError } from '@novita-webhooks/core';
import type { Command } from 'commander';
import { CommandError, readText } from '@novita-webhooks/simulator/cli';

import type { Console } from '../terminal/console.ts';
import { createReplayAction, discardAction, type Action } from './action.ts';
import { actOnIds } from './act-on-ids.ts';
import { actOnMany, type BulkActionOptions } from './act-on-many.ts';
import { DEFAULT_ENDPOINT, filterOptions, toFilter, type FilterOptions } from './filter-options.ts';
import { requireAddress, type InboxOption } from './inbox-option.ts';
import { withInbox } from './open-inbox.ts';
import { addSubcommand, parsePositive } from './subcommand.ts';

interface ActOptions extends FilterOptions, BulkActionOptions, InboxOption {
  readonly all?: boolean;
  readonly handlers?: readonly string[];
  readonly body?: string;
}

const REPLAY_EXAMPLES = `
Examples:
  $ novita-webhooks inbox replay 1c905d82-b3de-416c-b243-7a60fbb8ea0a --inbox sqlite:webhooks.db
  $ novita-webhooks inbox replay --reason-contains 503 --dry-run
  $ novita-webhooks inbox replay --same-error-as <task id> --yes --resume replay.json
  $ novita-webhooks inbox replay --all --handlers send-mail
  $ novita-webhooks inbox replay <task id> --body corrected.json`;

const DISCARD_EXAMPLES = `
Examples:
  $ novita-webhooks inbox discard 1c905d82-b3de-416c-b243-7a60fbb8ea0a --inbox sqlite:webhooks.db
  $ novita-webhooks inbox discard --test-events --state done,dead --dry-run
  $ novita-webhooks inbox discard --received-to 2026-01-01 --yes`;

/** Options that choose entries, and so exclude task ids. */
const FILTER_NAMES: readonly string[] = filterOptions().map((option) => option.attributeName());

const isFiltered = (options: ActOptions): boolean =>
  Object.entries(options).some(
    ([name, value]) => name !== 'endpoint' && value !== undefined && FILTER_NAMES.includes(name),
  );

const BULK_ONLY = ['all', 'limit', 'cursor', 'resume'] as const;

/** @throws CommandError `usage` if it is not clear which entries are meant */
const checkChoice = (name: string, taskIds: readonly string[], options: ActOptions): void => {
  const fail = (message: string): never => {
    throw new CommandError('usage', `inbox ${name}: ${message}`);
  };
  const { all, endpoint, body, cursor, resume } = options;
  const isBulk = isFiltered(options) || BULK_ONLY.some((it) => options[it] !== undefined);
  if (taskIds.length > 0 && isBulk) {
    fail('task ids and filters exclude each other. Pass one of them.');
  }
  if (body !== undefined && taskIds.length !== 1) fail('--body needs exactly one task id.');
  if (cursor !== undefined && resume !== undefined) {
    fail('--cursor and --resume exclude each other. Pass one of them.');
  }
  if (taskIds.length > 0 || isFiltered(options) || all || endpoint !== undefined) return;
  fail('pass task ids, a filter, or --all for all dead letters. --help lists the filters.');
};

const act = async (
  taskIds: readonly string[],
  action: Action,
  options: ActOptions,
  console: Console,
): Promise<void> => {
  checkChoice(action.name, taskIds, options);
  const { endpoint = DEFAULT_ENDPOINT, json = false, dryRun = false, handlers } = options;
  const chosen = [...FILTER_NAMES, 'handlers'].map((name) => options[name as keyof ActOptions]);
  const given = JSON.stringify(chosen);
  const extraArguments = handlers === undefined ? [] : ['--handlers', handlers.join(',')];
  const code = await withInbox(requireAddress(options), { create: false }, async (inbox) => {
    if (taskIds.length > 0) {
      return actOnIds(inbox, action, { endpoint, taskIds, dryRun, json }, console);
    }
    const command = { inbox, action, options, given, extraArguments };
    const readFilter = async () => ({
      states: ['dead'] as const,
      ...(await toFilter(inbox, options)),
    });
    return actOnMany(command, readFilter, console);
  });
  console.setExitCode(code);
};

/** What an inbox says of a body is wrong with its file. */
const blameBody =
  (path: string | undefined) =>
  (cause: unknown): never => {
    if (path === undefined || !isWebhookError(cause, 'invalid_argument')) throw cause;
    throw new CommandError('input', `--body ${path}: ${cause.message}`, { cause });
  };

const addBulkOptions = (command: Command): Command => {
  for (const option of filterOptions()) command.addOption(option);
  return command
    .option('--all', 'all that match, also without a filter')
    .option('--limit <n>', 'at most this many entries', parsePositive(Number.MAX_SAFE_INTEGER))
    .option('--dry-run', 'change nothing: say which of the task ids, or how many entries')
    .option('--yes', 'do not ask; task ids are never asked about')
    .option('--resume <file>', 'save the place in this file; the same command goes on from there')
    .option('--cursor <cursor>', 'go on from this place, as Ctrl-C prints it');
};

const parseNames = (text: string, previous: readonly string[] = []): readonly string[] => [
  ...previous,
  ...text.split(',').map((name) => name.trim()),
];

/** Adds `inbox replay`. */
export const addReplayCommand = (group: Command, console: Console): void => {
  const command = addSubcommand(group, 'replay', {
    summary: 'attempt entries again',
    description:
      'Gives entries a new series of attempts: those of the task ids, or all that match the ' +
      'filters and no other. Without --state: dead letters. The workers run the handlers: of a ' +
      'dead letter those that have not succeeded, of a done entry all. Filters ask first, task ' +
      'ids do not.',
    examples: REPLAY_EXAMPLES,
  }).argument('[task ids...]', 'ids of the tasks');
  addBulkOptions(command)
    .option(
      '--handlers <names>',
      'run only these handlers, also if they succeeded; names as `inbox show` prints them',
      parseNames,
    )
    .option('--body <file>', 'of one task: a payload that replaces the stored one')
    .action(async (taskIds: string[], options: ActOptions) => {
      const { body: path } = options;
      const body = path === undefined ? undefined : await readText(path, `--body ${path}`);
      const action = createReplayAction(options.handlers, body);
      await act(taskIds, action, options, console).catch(blameBody(path));
    });
};

/** Adds `inbox discard`. */
export const addDiscardCommand = (group: Command, console: Console): void => {
  const command = addSubcommand(group, 'discard', {
    summary: 'delete entries',
    description:
      'Deletes entries that are not running: those of the task ids, or all that match the filters ' +
      'and no other. Without --state: dead letters. A later event of the same task counts as new. ' +
      'Filters ask first, task ids do not.',
    examples: DISCARD_EXAMPLES,
  }).argument('[task ids...]', 'ids of the tasks');
  addBulkOptions(command).action((taskIds: string[], options: ActOptions) =>
    act(taskIds, discardAction, options, console),
  );
};
