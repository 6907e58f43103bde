// Prints a table of the contract results of every inbox, from the JSON report of a test run.
//   node scripts/contract-table.mjs [report.json] [--require memory,SQLite,…]
import { parseArgs } from 'node:util';

import Table from 'cli-table3';

import { readJson } from './lib/packages.mjs';

const {
  positionals: [file = '.cache/test-report.json'],
  values: { require: required },
} = parseArgs({ allowPositionals: true, options: { require: { type: 'string', default: '' } } });

const SUITE = /^the (?:store|inbox) contract, by (?:the )?(.+)$/;

/** Returns the capabilities and the results of each group of cases, by store or inbox. */
function readColumns() {
  const columns = new Map();
  for (const { assertionResults } of readJson(file).testResults) {
    for (const { ancestorTitles, title, status, meta } of assertionResults) {
      const suite = ancestorTitles.find((name) => SUITE.test(name));
      if (suite === undefined) continue;
      const [, subject] = SUITE.exec(suite);
      const column = columns.get(subject) ?? { capabilities: undefined, groups: new Map() };
      columns.set(subject, column);
      column.capabilities ??= meta?.capabilities;
      const [group] = title.split(':');
      const counts = column.groups.get(group) ?? { passed: 0, failed: 0, skipped: 0 };
      column.groups.set(group, counts);
      counts[status === 'passed' || status === 'failed' ? status : 'skipped'] += 1;
    }
  }
  return columns;
}

function toText({ passed, failed, skipped } = { passed: 0, failed: 0, skipped: 0 }) {
  if (passed + failed + skipped === 0) return '';
  if (passed + failed === 0) return `– (${skipped} n/a)`;
  const verdict = failed > 0 ? `✘ ${failed} of ${failed + passed}` : `✔ ${passed}`;
  return skipped > 0 ? `${verdict} (${skipped} n/a)` : verdict;
}

const columns = readColumns();
const all = [...columns.values()];
const table = new Table({
  head: ['', ...columns.keys()],
  style: { head: [], border: [], compact: true },
});
for (const name of ['durable', 'shared', 'transactional']) {
  table.push([name, ...all.map(({ capabilities }) => (capabilities?.[name] ? 'yes' : 'no'))]);
}
for (const group of new Set(all.flatMap(({ groups }) => [...groups.keys()]))) {
  table.push([group, ...all.map(({ groups }) => toText(groups.get(group)))]);
}
console.log(table.toString());
console.log('n/a: cases that do not apply. The test report has the reasons.');

const isGreen = ({ groups }) => [...groups.values()].every(({ failed }) => failed === 0);
const missing = required
  .split(',')
  .filter((name) => name !== '' && ![...columns.keys()].some((subject) => subject.includes(name)));
for (const name of missing) console.log(`✘ contract-table: no case ran on ${name}`);
if (missing.length > 0 || all.length === 0 || !all.every(isGreen)) process.exitCode = 1;
