import { isWebhookError } from '@novita-webhooks/core';
import type { Command } from 'commander';
import { CommandError, EXIT_CODES } from '@novita-webhooks/simulator/cli';

import { listenForSignals } from '../interruption.ts';
import type { Console } from '../terminal/console.ts';
import { toCountText, toEntriesText } from '../terminal/printable.ts';
import { filterOptions, toFilter, type FilterOptions } from './filter-options.ts';
import { requireAddress, type InboxOption } from './inbox-option.ts';
import { withInbox } from './open-inbox.ts';
import { readLines, writeWhole } from './read-lines.ts';
import { addSubcommand } from './subcommand.ts';

interface ExportOptions extends FilterOptions, InboxOption {
  readonly force?: boolean;
  readonly json?: boolean;
}

interface ImportOptions extends InboxOption {
  readonly json?: boolean;
}

const EXPORT_EXAMPLES = `
Examples:
  $ novita-webhooks inbox export entries.ndjson --inbox sqlite:webhooks.db
  $ novita-webhooks inbox export --state dead | gzip > dead.ndjson.gz`;

const IMPORT_EXAMPLES = `
Examples:
  $ novita-webhooks inbox import entries.ndjson --inbox postgres://localhost/app
  $ novita-webhooks inbox export --inbox sqlite:webhooks.db | novita-webhooks inbox import - --inbox redis://localhost`;

async function* counted(
  lines: AsyncIterable<string>,
  onLine: (count: number) => void,
): AsyncGenerator<string> {
  let count = 0;
  for await (const line of lines) {
    yield line;
    count += 1;
    onLine(count);
  }
}

const exportEntries = async (
  path: string,
  options: ExportOptions,
  console: Console,
): Promise<void> => {
  const { force = false, json } = options;
  const interruption = listenForSignals();
  const { signal } = interruption;
  let exported = 0;
  try {
    await withInbox(requireAddress(options), { create: false }, async (inbox) => {
      const lines = counted(inbox.export(await toFilter(inbox, options)), (count) => {
        exported = count;
        console.progress(`exported ${toCountText(count)}`);
      });
      if (path !== '-') return writeWhole(path, lines, { force, signal });
      for await (const line of lines) {
        await console.write(line);
        if (signal.aborted) return;
      }
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    interruption.dispose();
  }
  console.progress(undefined);
  if (signal.aborted) {
    const what = path === '-' ? 'The output is not complete.' : `${path} was not written.`;
    console.printError(`Interrupted. ${what}`);
    console.setExitCode(interruption.exitCode());
  } else if (path !== '-') {
    if (json) console.print(JSON.stringify({ exported }));
    else console.print(`exported ${toEntriesText(exported)} to ${path}`);
  }
};

const importEntries = async (
  path: string,
  options: ImportOptions,
  console: Console,
): Promise<void> => {
  const interruption = listenForSignals();
  const { signal } = interruption;
  let read = 0;
  const lines = counted(readLines(path, signal), (count) => {
    read = count;
    console.progress(`read ${toCountText(count)} lines`);
  });
  const result = await withInbox(requireAddress(options), { create: true }, (inbox) =>
    inbox.import(lines).catch((cause: unknown) => {
      if (!isWebhookError(cause, 'invalid_argument')) throw cause;
      const advice = 'The entries before it are added. Correct the file, and repeat the command.';
      throw new CommandError('input', `${cause.message}. ${advice}`, { cause });
    }),
  ).finally(interruption.dispose);
  console.progress(undefined);
  const { added, duplicates } = result;
  if (options.json) console.print(JSON.stringify(result));
  else {
    const known = duplicates === 0 ? '' : `, ${toCountText(duplicates)} were there already`;
    console.print(`added ${toEntriesText(added)}${known}`);
  }
  if (!signal.aborted) return;
  const text = `Interrupted after ${toCountText(read)} lines. Repeat the command: entries that are there are not changed.`;
  console.printError(text);
  console.setExitCode(interruption.exitCode() || EXIT_CODES.interrupted);
};

/** Adds `inbox export`. */
export const addExportCommand = (group: Command, console: Console): void => {
  const command = addSubcommand(group, 'export', {
    summary: 'write entries as lines of JSON',
    description:
      'Writes the entries that match as lines of JSON (NDJSON) to a file or to stdout, the oldest ' +
      'first: with payload, state and attempts. Stop the workers before you move entries.',
    examples: EXPORT_EXAMPLES,
  }).argument('[file]', 'file to write; - for stdout', '-');
  for (const option of filterOptions()) command.addOption(option);
  command
    .option('--force', 'replace the file if it exists')
    .action((path: string, options: ExportOptions) => exportEntries(path, options, console));
};

/** Adds `inbox import`. */
export const addImportCommand = (group: Command, console: Console): void => {
  addSubcommand(group, 'import', {
    summary: 'add entries of an export',
    description:
      'Adds the entries of an export with their state and attempts. Entries that the inbox has are ' +
      'not changed, so an import may be repeated. Creates the inbox if there is none.',
    examples: IMPORT_EXAMPLES,
  })
    .argument('<file>', 'file to read; - for stdin')
    .action((path: string, options: ImportOptions) => importEntries(path, options, console));
};
