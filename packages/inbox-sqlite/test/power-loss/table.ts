import Table from 'cli-table3';

import type { Proof } from './simulate-power-loss.ts';
import { total, type Tallies, type Tally } from './tallies.ts';

const COLUMNS = [
  'cuts',
  'entries promised',
  'outcomes promised',
  'lost',
  'otherwise wrong',
  'not usable',
];

/** What was found, a line for each way in which unsynced changes may survive. */
export function toTable(tallies: Tallies): string {
  const table = new Table({
    head: ['unsynced changes', ...COLUMNS],
    colAligns: ['left', ...COLUMNS.map(() => 'right' as const)],
    style: { head: [], border: [] },
  });
  for (const [variant, tally] of tallies) table.push([variant, ...figuresOf(tally)]);
  table.push(['together', ...figuresOf(total(tallies))]);
  return table.toString();
}

const figuresOf = ({ cuts, kept, settled, lost, wrong, broken }: Tally): string[] =>
  [cuts, kept, settled, lost, wrong, broken].map((count) => count.toLocaleString('en'));

/** What happened until the last cut. */
export const describeTrace = ({ operations, syncs, checkpoints, walResets, acks }: Proof): string =>
  `${operations} operations, ${syncs} syncs, ${checkpoints} checkpoints, ${walResets} WAL resets, ` +
  `${acks} lines of the victim`;
