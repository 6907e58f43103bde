import type { Console } from '../terminal/console.ts';
import { printable } from '../terminal/printable.ts';
import type { Check, CheckLevel } from './check.ts';

const COLOURS = { ok: 'green', warning: 'yellow', error: 'red', skipped: 'dim' } as const;
const MARKS: Readonly<Record<CheckLevel, string>> = {
  ok: '✓',
  warning: '!',
  error: '✗',
  skipped: '-',
};
const NAME_WIDTH = 12;

/** Prints a check: on a terminal with a mark, elsewhere one line with tabs between level, name and text. */
export const printCheck = (
  { name, level, message, advice }: Check,
  { print, colour, isTerminal }: Console,
): void => {
  if (!isTerminal) {
    print([level, name, printable([message, advice ?? ''].join(' ').trimEnd())].join('\t'));
    return;
  }
  print(`${colour(COLOURS[level], MARKS[level])} ${name.padEnd(NAME_WIDTH)} ${printable(message)}`);
  if (advice === undefined) return;
  print(colour(COLOURS[level], `${' '.repeat(NAME_WIDTH + 3)}${printable(advice)}`));
};

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** Prints how many errors and warnings there are. */
export const printSummary = (
  { errors, warnings }: { readonly errors: number; readonly warnings: number },
  { printError, colour }: Console,
): void => {
  const text = `${plural(errors, 'error')}, ${plural(warnings, 'warning')}.`;
  printError(errors > 0 ? colour('red', text) : text);
};
