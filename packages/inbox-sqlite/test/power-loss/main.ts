/**
 * Runs the power-loss simulation at any size:
 *
 *     node --import tsx packages/inbox-sqlite/test/power-loss/main.ts --cuts 5000 --seed 7 --thorough
 *
 * - `--store`: `sqlite` (default), or a control. `full` and `group` must lose nothing; `late-join`,
 *   `normal` and `off` must lose something.
 * - `--syncs`: `all` (default), skipped syncs (`no-fsync`, `no-fdatasync`, `none`) or `failing`.
 * - `--entries`: size of the workload.
 * - `--thorough`: all variants at every cut.
 */
import { parseArgs } from 'node:util';

import { toSyncMode, whyUnavailable } from './shim.ts';
import { simulatePowerLoss } from './simulate-power-loss.ts';
import { toStoreName } from './stores-under-test.ts';
import { describeTrace, toTable } from './table.ts';
import { total } from './tallies.ts';

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    syncs: { type: 'string', default: 'all' },
    entries: { type: 'string', default: '2000' },
    cuts: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    thorough: { type: 'boolean', default: false },
  },
});

const reason = whyUnavailable();
if (reason !== undefined) throw new Error(`the power-loss simulation cannot run: ${reason}`);

const started = performance.now();
const result = await simulatePowerLoss({
  store: toStoreName(values.store),
  syncs: toSyncMode(values.syncs),
  entries: Number(values.entries),
  cuts: Number(values.cuts),
  seed: Number(values.seed),
  others: values.thorough ? 5 : 1,
});
const { examples, lost, wrong, unusable } = total(result.tallies);

console.log(`store: ${values.store}, syncs: ${values.syncs}, seed: ${values.seed}`);
console.log(describeTrace(result));
console.log(toTable(result.tallies));
for (const example of examples) console.log(example);
console.log(`${Math.round((performance.now() - started) / 1000)} s`);
if (lost + wrong + unusable > 0) process.exitCode = 1;
