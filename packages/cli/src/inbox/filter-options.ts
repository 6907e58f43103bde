// The filters of the inbox as options of the command line, and back.
import type { EntryFilter, EntryState, Inbox } from '@novita-webhooks/core';
import { errorGroupOf } from '@novita-webhooks/core';
import { InvalidArgumentError, Option } from 'commander';
import { CommandError } from '@novita-webhooks/simulator/cli';

import { parseMetadata, parseState, parseTime } from './parse-filter.ts';

type MetadataFilter = NonNullable<EntryFilter['metadata']>;

/** Values of the options that {@link filterOptions} creates. */
export interface FilterOptions {
  readonly endpoint?: string;
  readonly state?: readonly EntryState[];
  readonly taskType?: string;
  readonly status?: string;
  readonly reasonContains?: string;
  readonly errorGroup?: string;
  readonly sameErrorAs?: string;
  readonly metadata?: MetadataFilter;
  readonly receivedFrom?: string;
  readonly receivedTo?: string;
  readonly finishedFrom?: string;
  readonly finishedTo?: string;
  readonly schemaErrors?: boolean;
  readonly testEvents?: boolean;
  readonly taskIdContains?: string;
}

export const DEFAULT_ENDPOINT = 'novita';

const STATUS = 'TASK_STATUS_';
const FINAL_STATUSES = ['SUCCEED', 'FAILED'];

/** Reads `failed`, `FAILED` or what Novita may add, such as `TASK_STATUS_CANCELED`. */
const parseStatus = (value: string): string => {
  const status = value.toUpperCase();
  if (status.startsWith(STATUS)) return status;
  if (FINAL_STATUSES.includes(status)) return STATUS + status;
  throw new InvalidArgumentError(`Pass succeed, failed, or a whole name as ${STATUS}SUCCEED.`);
};

const text = (value: string): string => {
  if (value !== '') return value;
  throw new InvalidArgumentError('Pass a text, or leave the option out.');
};

/** Times stay texts until the filter is made: `2h` moves. */
const checkTime = (value: string): string => {
  parseTime(value);
  return value;
};
const TIME = 'UTC, such as 2026-11-29T15:00, or 2h for two hours ago';

/** Creates the options that choose entries. */
export const filterOptions = (): Option[] => [
  new Option('--endpoint <name>', 'of this endpoint').argParser(text),
  new Option(
    '--state <states>',
    'expected, pending, running, done, dead; several with commas',
  ).argParser(parseState),
  new Option('--task-type <type>', 'such as TXT_TO_IMG').argParser(text),
  new Option('--status <status>', 'succeed, failed, or as Novita writes it').argParser(parseStatus),
  new Option('--reason-contains <text>', 'part of the reason; case matters').argParser(text),
  new Option('--error-group <text>', 'a group that `inbox groups` prints').argParser(text),
  new Option('--same-error-as <task id>', 'failed with the same error as this entry').argParser(
    text,
  ),
  new Option(
    '--metadata <key=value>',
    'metadata; a value that is JSON is read as JSON, such as orderId=42; repeatable',
  ).argParser(parseMetadata),
  new Option('--received-from <time>', `received at that time or later: ${TIME}`).argParser(
    checkTime,
  ),
  new Option('--received-to <time>', 'received before that time').argParser(checkTime),
  new Option('--finished-from <time>', 'done or dead since that time').argParser(checkTime),
  new Option('--finished-to <time>', 'done or dead before that time').argParser(checkTime),
  new Option('--schema-errors', 'only entries whose payload does not fit the schema'),
  new Option('--no-schema-errors', 'only others'),
  new Option('--test-events', 'only test events'),
  new Option('--no-test-events', 'only others'),
  new Option('--task-id-contains <text>', 'part of the task id; case matters').argParser(text),
];

const withoutUndefined = <Value extends object>(value: Value): Value =>
  Object.fromEntries(Object.entries(value).filter(([, it]) => it !== undefined)) as Value;

const groupOf = async (inbox: Inbox, endpoint: string, taskId: string): Promise<string> => {
  const entry = await inbox.get({ endpoint, taskId });
  const group = errorGroupOf(entry?.reason ?? null);
  if (group !== null) return group;
  const fault = entry === undefined ? `there is no entry ${taskId}` : `${taskId} has no error`;
  throw new CommandError(
    'negative',
    `--same-error-as: ${fault}. \`inbox groups\` prints examples.`,
  );
};

const toTime = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseTime(text);

/** Makes the filter of an inbox. */
export const toFilter = async (inbox: Inbox, options: FilterOptions): Promise<EntryFilter> => {
  const { endpoint, state, sameErrorAs, errorGroup, ...others } = options;
  const { taskType, status, reasonContains, metadata, taskIdContains } = others;
  const { receivedFrom, receivedTo, finishedFrom, finishedTo, schemaErrors, testEvents } = others;
  return withoutUndefined({
    ...{ endpoint, states: state, taskType, status, reasonContains, metadata, taskIdContains },
    receivedFrom: toTime(receivedFrom),
    receivedTo: toTime(receivedTo),
    finishedFrom: toTime(finishedFrom),
    finishedTo: toTime(finishedTo),
    ...{ schemaErrors, testEvents },
    errorGroup:
      sameErrorAs === undefined
        ? errorGroup
        : await groupOf(inbox, endpoint ?? DEFAULT_ENDPOINT, sameErrorAs),
  });
};

const toFlag = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

const toArguments = (name: string, value: unknown): string[] => {
  if (name === 'states') return ['--state', (value as string[]).join(',')];
  if (typeof value === 'boolean') return [value ? toFlag(name) : `--no-${toFlag(name).slice(2)}`];
  if (typeof value === 'number') return [toFlag(name), new Date(value).toISOString()];
  if (typeof value === 'string') return [toFlag(name), value];
  return Object.entries(value as MetadataFilter).flatMap(([key, it]) => [
    toFlag(name),
    `${key}=${JSON.stringify(it)}`,
  ]);
};

/** The arguments that choose the same entries, with times that do not move. */
export const toFilterArguments = (filter: EntryFilter): string[] =>
  Object.entries(filter).flatMap(([name, value]) => toArguments(name, value));

/** A filter in words: `state dead, reason-contains 503`. */
export const describeFilter = (filter: EntryFilter): string =>
  toFilterArguments(filter)
    .map((word) => (word.startsWith('--') ? `, ${word.slice(2)}` : ` ${word}`))
    .join('')
    .slice(2);
