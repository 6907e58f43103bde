// Runs the contract and the operations of the BullMQ inbox on other versions of BullMQ and ioredis:
//   npm run test:bullmq                  the oldest and the newest version of each supported major
//   npm run test:bullmq -- 6.8.0         one version, with ioredis 6
//   npm run test:bullmq -- 5.34.0 5      one version, with ioredis 5
import { createRequire } from 'node:module';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { capture } from './lib/capture.mjs';
import { fetchPackage } from './lib/fetch-package.mjs';
import { readJson, root, run } from './lib/packages.mjs';

const SUITES = ['contract', 'add', 'locks', 'dashboards', 'wake-up', 'operations'];
const files = SUITES.map((name) => `packages/inbox-bullmq/test/${name}.test.ts`);
const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run'];
const tests = [...vitest, '--config', 'vitest.workspace.ts', '--reporter=dot', ...files];

/** The oldest version of the peer range, the newest 5, the first 6, the newest 6. */
const CELLS = [
  ['5.21.0', '5'],
  ['5', '6'],
  ['6.0', '5'],
  ['6', '6'],
];

/** The newest published version in a range. npm lists versions by the time of their release. */
function newest(name, range) {
  const found = [JSON.parse(run('npm', ['view', `${name}@${range}`, 'version', '--json']))].flat();
  const byNumber = new Intl.Collator('en', { numeric: true });
  return found.sort(byNumber.compare).at(-1);
}

/** A folder with both packages, downloaded the first time. */
function fetchCell(bullmq, ioredis) {
  const folder = join(root, '.cache/bullmq', `bullmq@${bullmq}+ioredis@${ioredis}`);
  const specs = [`bullmq@${bullmq}`, `ioredis@${ioredis}`];
  fetchPackage({ spec: specs, megabytes: 20 }, folder, () => undefined);
  return folder;
}

/** With it, tests and the programs that they start find these versions. */
function writeConfig(folder) {
  const config = readJson(join(root, 'tsconfig.json'));
  const require = createRequire(join(folder, 'package.json'));
  const paths = Object.entries(config.compilerOptions.paths).map(([name, [file]]) => [
    name,
    [join(root, file)],
  ]);
  for (const name of ['bullmq', 'ioredis']) paths.push([name, [require.resolve(name)]]);
  config.compilerOptions.paths = Object.fromEntries(paths);
  const path = join(folder, 'tsconfig.json');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, JSON.stringify(config));
  return path;
}

const [wanted, ioredis = '6'] = process.argv.slice(2);
for (const [range, driver] of wanted ? [[wanted, ioredis]] : CELLS) {
  const versions = [newest('bullmq', range), newest('ioredis', driver)];
  const env = {
    ...process.env,
    NO_COLOR: '1',
    TSX_TSCONFIG_PATH: writeConfig(fetchCell(...versions)),
  };
  const { status, output } = await capture(process.execPath, tests, { cwd: root, env });
  console.log(`--- BullMQ ${versions[0]}, ioredis ${versions[1]}\n${output}`);
  if (status !== 0) process.exitCode = 1;
}
