import Table from 'cli-table3';

import type { PowerLossResult } from './simulate-power-loss.ts';
import { total, type Tallies, type Tally } from './tallies.ts';

const COLUMNS = [
  'cuts',
  'entries acknowledged',
  'outcomes acknowledged',
  'lost',
  'wrong',
  'unusable',
];

/** Formats the results, one line per way in which unsynced changes may survive. */
export function toTable(tallies: Tallies): string {
  const table = new Table({
    head: ['unsynced changes', ...COLUMNS],
    colAligns: ['left', ...COLUMNS.map(() => 'right' as const)],
    style: { head: [], border: [] },
  });
  for (const [variant, tally] of tallies) table.push([variant, ...toCells(tally)]);
  table.push(['total', ...toCells(total(tallies))]);
  return table.toString();
}

const toCells = ({ cuts, added, settled, lost, wrong, unusable }: Tally): string[] =>
  [cuts, added, settled, lost, wrong, unusable].map((count) => count.toLocaleString('en'));

/** Describes the recorded trace. */
export const describeTrace = ({
  operations,
  syncs,
  checkpoints,
  walResets,
  acks,
}: PowerLossResult): string =>
  `${operations} operations, ${syncs} syncs, ${checkpoints} checkpoints, ${walResets} WAL resets, ` +
  `${acks} lines of history`;
