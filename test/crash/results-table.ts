import Table from 'cli-table3';

import type { Results } from './checker.ts';
import type { Row } from './count-results.ts';

const HEAD = [
  'kill point',
  'cycles',
  'kills',
  'hits',
  'acknowledged',
  'kept',
  'handled',
  'repeated\n(allowed)',
  'overlapping',
  'lost',
  'ledger\nrows ≠ 1',
];

/** Renders a row for each kill point and a row of totals. */
export function toResultsTable({ rows, total }: Results): string {
  const table = new Table({
    head: HEAD,
    colAligns: ['left', ...HEAD.slice(1).map(() => 'right' as const)],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  for (const row of [...rows, total]) table.push(toCells(row));
  return table.toString();
}

function toCells(row: Row): string[] {
  const { title, cycles, armed, hits, acknowledged, kept, handled, repeated } = row;
  const { overlapping, lost, ledgerWrong } = row;
  const numbers = [cycles, armed, hits, acknowledged, kept, handled, repeated, overlapping, lost];
  const cells = numbers.map((number) => number.toLocaleString('en'));
  return [title, ...cells, ledgerWrong === null ? '–' : ledgerWrong.toLocaleString('en')];
}
