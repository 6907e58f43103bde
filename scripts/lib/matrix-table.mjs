import Table from 'cli-table3';

const NONE = '–';

/** Returns the row of an adapter test: the framework version in the titles of its suites. */
function rowOfAdapter(file, titles) {
  const [, name] = /packages\/(\w+)\/test\//.exec(file.replaceAll('\\', '/')) ?? [];
  const title = `${name[0].toUpperCase()}${name.slice(1)}`;
  return new RegExp(`${title} \\d[\\d.]*`).exec(titles.join(' '))?.[0] ?? `${title}, the rest`;
}

/** Returns the part of an output about errors outside tests, or all of it if there is none. */
const errorsOutsideTests = (output) => /^.*Unhandled Errors?[^]*/m.exec(output)?.[0] ?? output;

const rowOfDriver = (driver) => `SQLite, ${driver}`;

/** Returns the row of a SQLite test: the driver at the end of a title. */
function rowOfSqlite(titles) {
  const [driver] = /(?<= on )(libsql|better-sqlite3|node:sqlite)$/m.exec(titles.join('\n')) ?? [];
  return rowOfDriver(driver ?? 'the rest');
}

function toText({ passed, failed, skipped } = { passed: 0, failed: 0, skipped: 0 }) {
  if (passed + failed === 0) return NONE;
  const verdict = failed > 0 ? `✘ ${failed} of ${failed + passed}` : `✔ ${passed}`;
  return skipped > 0 ? `${verdict} (${skipped} n/a)` : verdict;
}

/** @param columns `{ column, missing }`; `missing` is the reason why a runtime is not tested */
export function createMatrix(columns) {
  const rows = new Map();
  const failures = [];

  function count(row, column, status) {
    if (!rows.has(row)) rows.set(row, new Map());
    const cells = rows.get(row);
    if (!cells.has(column)) cells.set(column, { passed: 0, failed: 0, skipped: 0 });
    const known = status === 'passed' || status === 'failed';
    cells.get(column)[known ? status : 'skipped'] += 1;
  }

  /** Records a failed test, a file that cannot be loaded, or an unhandled error. */
  function addFailure(where, what) {
    failures.push(`${where}\n    ${what.split('\n').slice(0, 12).join('\n    ')}`);
  }

  function add({ status, results, output }, where, placeOf) {
    const before = failures.length;
    for (const { name, message, assertionResults } of results) {
      for (const { ancestorTitles, title, status, failureMessages } of assertionResults) {
        const { row, column } = placeOf(name, ancestorTitles, title);
        count(row, column, status);
        if (status !== 'failed') continue;
        addFailure([column, ...ancestorTitles, title].join(' > '), failureMessages.join('\n'));
      }
      if (message && assertionResults.length === 0) addFailure(`${where}: ${name}`, message);
    }
    if (results.length === 0) addFailure(where, `no test ran\n${output}`);
    else if (status !== 0 && failures.length === before)
      addFailure(where, errorsOutsideTests(output));
  }

  const textOf = (row, { column, missing }) =>
    missing === undefined ? toText(rows.get(row).get(column)) : 'skipped';

  return {
    addAdapters: (column, run) =>
      add(run, column, (file, titles) => ({ column, row: rowOfAdapter(file, titles) })),
    /** @param drivers the drivers of this Node; a driver without a passed test is a failure */
    addSqlite(column, run, drivers) {
      add(run, column, (_, suites, title) => ({ column, row: rowOfSqlite([...suites, title]) }));
      for (const driver of drivers) {
        if (rows.get(rowOfDriver(driver))?.get(column)?.passed > 0) continue;
        addFailure(`${column} > ${rowOfDriver(driver)}`, 'no test passed on this driver');
      }
    },
    addRuntimes: (run) =>
      add(run, 'the runtimes', (_, [suite]) => {
        const [, row, column] = /, by (\w+), on (.+)$/.exec(suite);
        return { row: `core, ${row}`, column };
      }),
    hasFailed: () => failures.length > 0,
    print() {
      const head = ['', ...columns.map(({ column }) => column)];
      const table = new Table({ head, style: { head: [], border: [], compact: true } });
      for (const row of [...rows.keys()].sort()) {
        table.push([row, ...columns.map((column) => textOf(row, column))]);
      }
      for (const failure of failures) console.log(`✘ ${failure}\n`);
      console.log(table.toString());
      console.log('n/a: cases that do not apply to the runtime. –: not tested on this runtime.');
    },
  };
}
