import Table from 'cli-table3';

import type { Verdict } from './checker.ts';
import type { Row } from './count-results.ts';

const HEAD = [
  'killed',
  'cycles',
  'kills',
  'hit',
  'acknowledged',
  'kept',
  'handled',
  'handled twice\n(allowed)',
  'overlapping',
  'lost',
  'ledger\nrows ≠ 1',
];

/** A row for each kill point, and what they add up to. */
export function toTable({ rows, total }: Verdict): string {
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
  const { title, cycles, armed, hits, acknowledged, kept, handled, twice } = row;
  const { overlapping, lost, ledgerWrong } = row;
  const numbers = [cycles, armed, hits, acknowledged, kept, handled, twice, overlapping, lost];
  const cells = numbers.map((number) => number.toLocaleString('en'));
  return [title, ...cells, ledgerWrong === null ? '–' : ledgerWrong.toLocaleString('en')];
}
