import { describeHandlerName, type AttemptRecord, type Entry } from '@novita-webhooks/core';
import type { Command } from 'commander';
import { CommandError } from '@novita-webhooks/simulator/cli';

import type { Console } from '../terminal/console.ts';
import { printable, toDurationText, toTimeText } from '../terminal/printable.ts';
import { DEFAULT_ENDPOINT } from './filter-options.ts';
import { requireAddress, type InboxOption } from './inbox-option.ts';
import { withInbox } from './open-inbox.ts';
import { toStateText } from './state-text.ts';
import { isContradicted, toStatusText } from './status-text.ts';
import { addSubcommand } from './subcommand.ts';

interface ShowOptions extends InboxOption {
  readonly endpoint: string;
  readonly body?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ novita-webhooks inbox show 1c905d82-b3de-416c-b243-7a60fbb8ea0a --inbox sqlite:webhooks.db
  $ novita-webhooks inbox show 1c905d82-b3de-416c-b243-7a60fbb8ea0a --json | jq .attemptLog`;

/** A record that handlers never see has none, and an entry before its first success neither. */
const ofHandlers = ({ succeededHandlers }: Entry): [string, string][] =>
  succeededHandlers.length === 0
    ? []
    : [['succeeded', succeededHandlers.map(describeHandlerName).join(', ')]];

/** The entry keeps the status of its event, which is not what handlers got. */
const ofContradiction = (entry: Entry): [string, string][] =>
  isContradicted(entry)
    ? [['handled as', 'what the Task Result API said (confirm): see the attempts']]
    : [];

const toLines = (entry: Entry): readonly (readonly [string, string])[] => [
  ['task id', entry.taskId],
  ['endpoint', entry.endpoint],
  ['state', toStateText(entry)],
  ['task type', entry.taskType],
  ['status', toStatusText(entry)],
  ...ofContradiction(entry),
  ['test event', entry.testMode ? 'yes' : 'no'],
  ['received', `${toTimeText(entry.receivedAt)} by ${entry.source}`],
  [entry.state === 'running' ? 'lease until' : 'due', toTimeText(entry.dueAt)],
  ['finished', toTimeText(entry.finishedAt)],
  ['attempts', String(entry.attempts)],
  ['replays', String(entry.replays)],
  ...ofHandlers(entry),
  ['metadata', JSON.stringify(entry.metadata)],
  ['reason', entry.reason ?? '-'],
  ['schema error', entry.schemaError ?? '-'],
  ...(entry.damage === undefined ? [] : [['damage', entry.damage] as const]),
  ...(entry.originalBody === null ? [] : [['payload', 'was replaced by a replay'] as const]),
];

const describeAttempt = ({ attempt, startedAt, durationMs, outcome, trigger }: AttemptRecord) =>
  `${toTimeText(startedAt)}  attempt ${attempt} (${trigger}): ${outcome}` +
  (durationMs === null ? '' : ` after ${toDurationText(durationMs)}`);

const toPretty = (body: string): string => {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body; // a payload that cannot be read is shown as it is
  }
};

const printEntry = (entry: Entry, isBodyShown: boolean, { print, colour }: Console): void => {
  for (const [name, text] of toLines(entry)) {
    print(`${colour('dim', name.padEnd(13))} ${printable(text)}`);
  }
  if (entry.attemptLog.length > 0) print(colour('dim', 'attempts'));
  for (const record of entry.attemptLog) {
    print(`  ${printable(describeAttempt(record))}`);
    for (const { handler, name, message, code } of record.errors) {
      const text = `${describeHandlerName(handler)}: ${name}: ${message}${code === null ? '' : ` (${code})`}`;
      print(`    ${printable(text)}`);
    }
  }
  if (!isBodyShown) return;
  print(colour('dim', 'payload'));
  for (const line of toPretty(entry.body).split('\n')) print(printable(line));
};

const show = async (taskId: string, options: ShowOptions, console: Console): Promise<void> => {
  const { endpoint, json, body = false } = options;
  const entry = await withInbox(requireAddress(options), { create: false }, (inbox) =>
    inbox.get({ endpoint, taskId }),
  );
  if (entry === undefined) {
    const advice =
      'Compare the id, or pass --endpoint. `inbox list --task-id-contains` finds parts.';
    const message = `the endpoint ${endpoint} has no entry ${printable(taskId)}. ${advice}`;
    throw new CommandError('negative', message);
  }
  if (json) await console.write(`${JSON.stringify(entry)}\n`);
  else printEntry(entry, body, console);
};

/** Adds `inbox show`. */
export const addShowCommand = (group: Command, console: Console): void => {
  addSubcommand(group, 'show', {
    summary: 'show one entry and its attempts',
    description: 'Shows one entry: its state, why it failed, and its last ten attempts.',
    examples: EXAMPLES,
  })
    .argument('<task id>', 'id of the task')
    .option('--endpoint <name>', 'endpoint of the receiver', DEFAULT_ENDPOINT)
    .option('--body', 'also the payload; --json always has it')
    .action((taskId: string, options: ShowOptions) => show(taskId, options, console));
};
