/**
 * The proof at any size:
 *
 *     node --import tsx packages/inbox-sqlite/test/power-loss/main.ts --cuts 5000 --seed 7 --thorough
 *
 * `--subject` takes another store (`full`, `group`: controls that hold; `late-join`, `normal`,
 * `off`: controls that do not), `--syncs` takes syncs away (`no-fsync`, `no-fdatasync`, `none`) or
 * lets some fail (`failing`),
 * `--entries` makes the victim work longer, `--thorough` has all variants at every cut.
 */
import { parseArgs } from 'node:util';

import { prove } from './simulate-power-loss.ts';
import { toHonesty, whyNot } from './shim.ts';
import { toSubjectName } from './stores-under-test.ts';
import { describeTrace, toTable } from './table.ts';
import { total } from './tallies.ts';

const { values } = parseArgs({
  options: {
    subject: { type: 'string', default: 'store' },
    syncs: { type: 'string', default: 'honest' },
    entries: { type: 'string', default: '2000' },
    cuts: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    thorough: { type: 'boolean', default: false },
  },
});

const reason = whyNot();
if (reason !== undefined) throw new Error(`no proof of power loss: ${reason}`);

const started = performance.now();
const proof = await prove({
  subject: toSubjectName(values.subject),
  honesty: toHonesty(values.syncs),
  entries: Number(values.entries),
  cuts: Number(values.cuts),
  seed: Number(values.seed),
  others: values.thorough ? 5 : 1,
});
const { examples, lost, wrong, broken } = total(proof.tallies);

console.log(`${values.subject}, syncs: ${values.syncs}, seed ${values.seed}`);
console.log(describeTrace(proof));
console.log(toTable(proof.tallies));
for (const example of examples) console.log(example);
console.log(`${Math.round((performance.now() - started) / 1000)} s`);
if (lost + wrong + broken > 0) process.exitCode = 1;
