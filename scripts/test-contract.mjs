// Runs the contract of every store and inbox, and prints one table: npm run test:contract
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './lib/packages.mjs';

const REPORT = join(root, '.cache/contract.json');
const node = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status;

const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const inboxes = readdirSync(join(root, 'packages')).filter((name) => name.startsWith('inbox-'));
const files = [
  'packages/core/test/memory-inbox.test',
  ...inboxes.map((name) => `packages/${name}/test/contract.test`),
  'examples/nats/test/contract.test',
];
const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${REPORT}`];
const tested = node(vitest, 'run', '--config', 'vitest.workspace.ts', ...files, ...reporters);
const shown = node(join(root, 'scripts/contract-table.mjs'), REPORT);
process.exitCode = tested || shown;
