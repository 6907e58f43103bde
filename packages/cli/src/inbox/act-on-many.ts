// A bulk action: counts, asks, acts in batches, and says how to go on after an interruption.
import type { EntryFilter, Inbox } from '@novita-webhooks/core';
import { CommandError, EXIT_CODES } from '@novita-webhooks/simulator/cli';

import { listenForSignals, type Interruption } from '../interruption.ts';
import { invocation } from '../invocation.ts';
import type { Console } from '../terminal/console.ts';
import { printable, toCountText, toEntriesText } from '../terminal/printable.ts';
import type { Action, ActionProgress } from './action.ts';
import { describeFilter, toFilterArguments } from './filter-options.ts';
import { countEntries } from './list.ts';
import { readPlace, removePlace, writePlace } from './resume-file.ts';

/** Options of every bulk action. */
export interface BulkActionOptions {
  readonly limit?: number;
  readonly cursor?: string;
  readonly resume?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

interface BulkCommand {
  readonly inbox: Inbox;
  readonly action: Action;
  readonly options: BulkActionOptions;
  /** The options that chose the entries, as text. */
  readonly given: string;
  /** Arguments of this action only, to repeat the command with. */
  readonly extraArguments: readonly string[];
}

type BulkAction = BulkCommand & { readonly filter: EntryFilter };

const quote = (word: string): string =>
  /^[\w./:@=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** The command that goes on. It leaves out `--inbox`, whose address may have a password. */
const toResumeCommand = (
  { action, filter, options, extraArguments }: BulkAction,
  cursor: string,
  acted: number,
): string => {
  const { limit } = options;
  const rest = limit === undefined ? [] : ['--limit', String(Math.max(limit - acted, 1))];
  const words = [...toFilterArguments(filter), ...extraArguments, ...rest, '--cursor', cursor];
  return `${invocation()} inbox ${action.name} ${words.map(quote).join(' ')}`;
};

const toJson = ({ past }: Action, { acted, ...others }: ActionProgress): string =>
  JSON.stringify({ [past]: acted, ...others });

/** The question, or what `--dry-run` prints. Counts, unless the action goes on from a place. */
const describePlan = async (
  { inbox, action, filter, options }: BulkAction,
  isContinued: boolean,
  console: Console,
): Promise<{ readonly text: string; readonly count: number | undefined }> => {
  const what = printable(describeFilter(filter));
  if (isContinued) {
    return { text: `${action.name}: go on with the remaining entries (${what})`, count: undefined };
  }
  const matching = await countEntries(inbox, filter, console);
  const count = Math.min(matching, options.limit ?? Infinity);
  const of = count === matching ? '' : ` of ${toCountText(matching)}`;
  return { text: `${action.name}: ${toEntriesText(count)}${of} (${what})`, count };
};

/** @throws CommandError `usage` without a terminal and without `--yes` */
const isConfirmed = async (
  text: string,
  { yes, dryRun }: BulkActionOptions,
  console: Console,
  signal: AbortSignal,
): Promise<boolean> => {
  if (yes) return true;
  if (console.canAsk) return console.confirm(`${text}. Continue?`, signal);
  const advice = dryRun ? '' : ' Pass --yes to do it, or --dry-run to only look.';
  throw new CommandError('usage', `${text}. There is no terminal to ask on.${advice}`);
};

const run = async (
  bulk: BulkAction,
  cursor: string | undefined,
  count: number | undefined,
  console: Console,
  signal: AbortSignal,
): Promise<ActionProgress> => {
  const { inbox, action, filter, options, given } = bulk;
  const { limit, resume } = options;
  const of = count === undefined ? '' : ` of ${toCountText(count)}`;
  const result = await action.many(inbox, filter, {
    ...(limit !== undefined && { limit }),
    ...(cursor !== undefined && { cursor }),
    signal,
    onProgress: async ({ acted, skipped, cursor: place }) => {
      console.progress(`${action.past} ${toCountText(acted)}${of}, ${skipped} skipped`);
      if (resume === undefined || place === null) return;
      await writePlace(resume, { action: action.name, given, filter, cursor: place });
    },
  });
  console.progress(undefined);
  return result;
};

const report = async (
  bulk: BulkAction,
  result: ActionProgress,
  interruption: Interruption,
  console: Console,
): Promise<number> => {
  const { action, options } = bulk;
  const { acted, skipped, cursor } = result;
  if (options.json) console.print(toJson(action, result));
  else {
    const reason = skipped === 0 ? '' : `, ${toCountText(skipped)} skipped: running or changed`;
    console.print(`${action.past} ${toEntriesText(acted)}${reason}`);
  }
  const isInterrupted = interruption.signal.aborted && cursor !== null;
  if (options.resume !== undefined && !isInterrupted) await removePlace(options.resume);
  if (!isInterrupted) return EXIT_CODES.ok;
  const how =
    options.resume === undefined ? toResumeCommand(bulk, cursor, acted) : 'repeat the same command';
  console.printError(`Interrupted, and nothing is half done. To go on: ${how}`);
  return interruption.exitCode();
};

/**
 * Acts on all entries that match the filter. Returns the exit code.
 *
 * @param readFilter not called if the file of `--resume` has the filter: the entry of `--same-error-as`
 * may have no error any more
 * @throws CommandError `usage`, `input`, `unavailable`
 */
export const actOnMany = async (
  command: BulkCommand,
  readFilter: () => Promise<EntryFilter>,
  console: Console,
): Promise<number> => {
  const { action, options, given } = command;
  const { resume, cursor, dryRun, json } = options;
  const place =
    resume === undefined ? undefined : await readPlace(resume, { action: action.name, given });
  const planned = { ...command, filter: place?.filter ?? (await readFilter()) };
  const from = place?.cursor ?? cursor;
  const interruption = listenForSignals();
  try {
    const { text, count } = await describePlan(planned, from !== undefined, console);
    if (dryRun === true || count === 0) {
      const isDry = dryRun === true;
      if (json) console.print(JSON.stringify({ dryRun: isDry, matched: count ?? null }));
      else console.print(`${text}. ${isDry ? 'Nothing was changed.' : 'Nothing to do.'}`);
      return EXIT_CODES.ok;
    }
    if (!(await isConfirmed(text, options, console, interruption.signal))) {
      console.printError('Nothing was changed.');
      return interruption.signal.aborted ? interruption.exitCode() : EXIT_CODES.negative;
    }
    const result = await run(planned, from, count, console, interruption.signal);
    return await report(planned, result, interruption, console);
  } finally {
    interruption.dispose();
  }
};
