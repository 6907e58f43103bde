// Runs what depends on the server's version on the oldest and the newest PostgreSQL: npm run test:postgres
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { root } from './packages.mjs';

const SUITES = ['contract', 'operations', 'adding', 'migrations', 'transactions', 'plans'];
const files = SUITES.map((name) => `packages/inbox-postgres/test/${name}.test.ts`);
const vitest = [process.execPath, join(root, 'node_modules/vitest/vitest.mjs'), 'run'];
const tests = [...vitest, '--config', 'vitest.workspace.ts', '--reporter=dot', ...files];

for (const major of ['13', '18']) {
  console.log(`--- PostgreSQL ${major}`);
  const args = [join(root, 'scripts/with-postgres.mjs'), major, ...tests];
  const env = { ...process.env, NO_COLOR: '1' };
  const { status } = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
