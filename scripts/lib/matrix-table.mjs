// What the runs of the matrix came to, as one table.
import Table from 'cli-table3';

const NONE = '–';

/** Which row a test of an adapter belongs to: the version of the framework that its suites name. */
function rowOfAdapter(file, titles) {
  const [, name] = /packages\/(\w+)\/test\//.exec(file.replaceAll('\\', '/')) ?? [];
  const title = `${name[0].toUpperCase()}${name.slice(1)}`;
  return new RegExp(`${title} \\d[\\d.]*`).exec(titles.join(' '))?.[0] ?? `${title}, the rest`;
}

/** What a run said of errors that belong to no test; all of it where it said nothing of them. */
const besideTests = (said) => /^.*Unhandled Errors?[^]*/m.exec(said)?.[0] ?? said;

const rowOfDriver = (driver) => `SQLite, ${driver}`;

/** … and one of the SQLite inbox: the driver at the end of a title. */
function rowOfSqlite(titles) {
  const [driver] = /(?<= on )(libsql|better-sqlite3|node:sqlite)$/m.exec(titles.join('\n')) ?? [];
  return rowOfDriver(driver ?? 'the rest');
}

function toText({ passed, failed, skipped } = { passed: 0, failed: 0, skipped: 0 }) {
  if (passed + failed === 0) return NONE;
  const verdict = failed > 0 ? `✘ ${failed} of ${failed + passed}` : `✔ ${passed}`;
  return skipped > 0 ? `${verdict} (${skipped} n/a)` : verdict;
}

/** @param columns `{ column, missing }`, `missing` where a runtime could not be had */
export function createMatrix(columns) {
  const rows = new Map();
  const troubles = [];

  function count(row, column, status) {
    if (!rows.has(row)) rows.set(row, new Map());
    const cells = rows.get(row);
    if (!cells.has(column)) cells.set(column, { passed: 0, failed: 0, skipped: 0 });
    const known = status === 'passed' || status === 'failed';
    cells.get(column)[known ? status : 'skipped'] += 1;
  }

  /** A failure beside the tests: a file that cannot be loaded, an error that nobody caught. */
  function addTrouble(where, what) {
    troubles.push(`${where}\n    ${what.split('\n').slice(0, 12).join('\n    ')}`);
  }

  function add({ status, results, said }, where, placeOf) {
    const before = troubles.length;
    for (const { name, message, assertionResults } of results) {
      for (const { ancestorTitles, title, status, failureMessages } of assertionResults) {
        const { row, column } = placeOf(name, ancestorTitles, title);
        count(row, column, status);
        if (status !== 'failed') continue;
        addTrouble([column, ...ancestorTitles, title].join(' > '), failureMessages.join('\n'));
      }
      if (message && assertionResults.length === 0) addTrouble(`${where}: ${name}`, message);
    }
    if (results.length === 0) addTrouble(where, `no test ran\n${said}`);
    else if (status !== 0 && troubles.length === before) addTrouble(where, besideTests(said));
  }

  const textOf = (row, { column, missing }) =>
    missing === undefined ? toText(rows.get(row).get(column)) : 'skipped';

  return {
    addAdapters: (column, run) =>
      add(run, column, (file, titles) => ({ column, row: rowOfAdapter(file, titles) })),
    /** @param drivers those that this Node has: without a test on each of them, the run has failed */
    addSqlite(column, run, drivers) {
      add(run, column, (_, suites, title) => ({ column, row: rowOfSqlite([...suites, title]) }));
      for (const driver of drivers) {
        if (rows.get(rowOfDriver(driver))?.get(column)?.passed > 0) continue;
        addTrouble(`${column} > ${rowOfDriver(driver)}`, 'no test has passed on this driver');
      }
    },
    addRuntimes: (run) =>
      add(run, 'the runtimes', (_, [suite]) => {
        const [, row, column] = /, by (\w+), on (.+)$/.exec(suite);
        return { row: `core, ${row}`, column };
      }),
    hasFailed: () => troubles.length > 0,
    print() {
      const head = ['', ...columns.map(({ column }) => column)];
      const table = new Table({ head, style: { head: [], border: [], compact: true } });
      for (const row of [...rows.keys()].sort()) {
        table.push([row, ...columns.map((column) => textOf(row, column))]);
      }
      for (const trouble of troubles) console.log(`✘ ${trouble}\n`);
      console.log(table.toString());
      console.log('n/a: cases that do not apply there. –: not a place where this runs.');
    },
  };
}
