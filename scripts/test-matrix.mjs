// Tests the adapters on every Node, the SQLite inbox on every driver, and the built core on every
// runtime. Prints one table.
//   npm run test:matrix                    all runtimes
//   npm run test:matrix -- --quick         the oldest and the newest Node, every other runtime
//   npm run test:matrix -- --node 20,26    these versions of Node, every other runtime
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { capture, onAllCores } from './lib/capture.mjs';
import { DRIVER_NEEDS_NODE, fetchDriver } from './fetch-driver.mjs';
import { fetchRuntime } from './lib/fetch-runtime.mjs';
import { createMatrix } from './lib/matrix-table.mjs';
import { publicPackages, readJson, root } from './lib/packages.mjs';

const NODES = ['20', '22', '24', '26'];
const OTHERS = ['bun', 'deno', 'workerd'];
const TITLES = { node: 'Node', bun: 'Bun', deno: 'Deno', workerd: 'workerd' };
const REPORTS = join(root, '.cache/matrix');

/** With CI or REQUIRE_SERVICES set, a skipped runtime is a failure. */
const isStrict = Boolean(process.env.CI || process.env.REQUIRE_SERVICES);

function nodesToTest() {
  const { values } = parseArgs({
    options: { node: { type: 'string' }, quick: { type: 'boolean', default: false } },
  });
  const majors = values.node?.split(',') ?? (values.quick ? [NODES.at(0), NODES.at(-1)] : NODES);
  const unknown = majors.find((major) => !NODES.includes(major));
  if (unknown !== undefined)
    throw new Error(`test-matrix: --node must be one of ${NODES.join(', ')}, not ${unknown}.`);
  return majors;
}

/** Returns a runtime with its binary, or the reason why it is missing. */
function toColumn(name) {
  const [kind, major] = name.split(' ');
  try {
    const { version, binary } = fetchRuntime(name);
    return { kind, major: Number(major), binary, column: `${TITLES[kind]} ${version}` };
  } catch (error) {
    return { kind, missing: error.message, column: name.replace(kind, TITLES[kind]) };
  }
}

/** The servers use the built core, as users do. */
function buildCore() {
  const core = join(root, 'packages/core');
  const built = join(core, 'dist/index.d.cts'); // the last file to be written
  const sources = readdirSync(join(core, 'src'), { recursive: true }).map((file) =>
    join(core, 'src', file),
  );
  const builtAt = existsSync(built) ? statSync(built).mtimeMs : 0;
  if (sources.every((file) => statSync(file).mtimeMs <= builtAt)) return;
  console.log('Building core, since its source has changed.');
  const { status } = spawnSync('npm', ['run', 'build', '-w', '@novita-webhooks/core'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('test-matrix: core could not be built.');
}

/** Runs Vitest in one Node. Resolves to its status, its JSON report and its output. */
async function runVitest(binary, name, args, env = {}) {
  const outputFile = join(REPORTS, `${name}.json`);
  rmSync(outputFile, { force: true });
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  // Only the default reporter prints errors outside tests.
  const report = ['--reporter=json', '--reporter=default', `--outputFile.json=${outputFile}`];
  const { status, output } = await capture(binary, [vitest, 'run', ...args, ...report], {
    cwd: root,
    env: { ...process.env, ...env, NO_COLOR: '1' },
  });
  const results = existsSync(outputFile) ? readJson(outputFile).testResults : [];
  return { status, results, output };
}

const inWorkspace = (projects) => [
  ...['--config', 'vitest.workspace.ts'],
  ...projects.flatMap((name) => ['--project', name]),
];

/** The published packages with adapter contract tests. */
const adapters = publicPackages()
  .map(({ dir }) => dir)
  .filter((dir) => existsSync(join(dir, 'test/contract.test.ts')))
  .map((dir) => dir.slice(join(root, 'packages/').length))
  .filter((name) => !name.startsWith('inbox-'));

async function testAdapters(matrix, { column, binary }) {
  const run = await runVitest(
    binary,
    `${column.replace(' ', '-')}-adapters`,
    inWorkspace(adapters),
  );
  matrix.addAdapters(column, run);
}

/** The tests of the SQLite inbox that depend on its driver. */
const SQLITE_TESTS = [
  'contract',
  'model',
  'large-inbox',
  'entry-contents',
  'find-driver',
  'garbage-collection',
].map((name) => `packages/inbox-sqlite/test/${name}.test.ts`);

async function testSqlite(matrix, driver, { column, binary, major }) {
  const args = [...inWorkspace(['inbox-sqlite']), ...SQLITE_TESTS];
  // `npm test` runs the model longer, on the drivers of one Node.
  const env = { TEST_BETTER_SQLITE3: driver, MODEL_RUNS: '100' };
  const run = await runVitest(binary, `${column.replace(' ', '-')}-sqlite`, args, env);
  const newer = major >= DRIVER_NEEDS_NODE ? ['better-sqlite3', 'node:sqlite'] : [];
  matrix.addSqlite(column, run, ['libsql', ...newer]);
}

/** One run for all runtimes: this process only sends requests to their servers. */
async function testRuntimes(matrix, runtimes) {
  const config = ['--config', 'test/runtimes/vitest.config.ts'];
  const env = { TEST_RUNTIMES: JSON.stringify(runtimes) };
  matrix.addRuntimes(await runVitest(process.execPath, 'runtimes', config, env));
}

async function timed([title, work]) {
  const startedAt = Date.now();
  await work();
  console.log(`${title}: ${Math.round((Date.now() - startedAt) / 1000)} s`);
}

async function main() {
  mkdirSync(REPORTS, { recursive: true });
  const columns = [...nodesToTest().map((major) => `node ${major}`), ...OTHERS].map(toColumn);
  const present = columns.filter(({ missing }) => missing === undefined);
  const nodes = present.filter(({ kind }) => kind === 'node');
  const matrix = createMatrix(columns);
  buildCore();
  const driver = fetchDriver();
  const runs = [
    ...nodes.map((node) => [
      `${adapters.join(', ')} on ${node.column}`,
      () => testAdapters(matrix, node),
    ]),
    ...nodes.map((node) => [
      `inbox-sqlite on ${node.column}`,
      () => testSqlite(matrix, driver, node),
    ]),
    ['core on all runtimes', () => testRuntimes(matrix, present)],
  ];
  await onAllCores(runs, timed);
  matrix.print();
  for (const { column, missing } of columns.filter(({ missing }) => missing !== undefined)) {
    console.log(`\nSKIPPED: ${column}: ${missing}`);
    console.log('         `npm run test:matrix` tests it on platforms for which npm has it.');
    if (isStrict) process.exitCode = 1;
  }
  if (matrix.hasFailed()) process.exitCode = 1;
}

await main();
