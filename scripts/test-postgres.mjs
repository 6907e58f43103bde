// Tests the PostgreSQL inbox on the oldest and the newest supported server: npm run test:postgres
import { join } from 'node:path';

import { capture, onAllCores } from './lib/capture.mjs';
import { root } from './lib/packages.mjs';

const SUITES = ['contract', 'operations', 'list', 'add', 'migrations', 'transaction', 'plans'];
const files = SUITES.map((name) => `packages/inbox-postgres/test/${name}.test.ts`);
const vitest = [process.execPath, join(root, 'node_modules/vitest/vitest.mjs'), 'run'];
const tests = [...vitest, '--config', 'vitest.workspace.ts', '--reporter=dot', ...files];

const MAJORS = ['13', '18'];
const results = await onAllCores(MAJORS, (major) => {
  const args = [join(root, 'scripts/with-postgres.mjs'), major, ...tests];
  return capture(process.execPath, args, { cwd: root, env: { ...process.env, NO_COLOR: '1' } });
});
for (const [index, { status, output }] of results.entries()) {
  console.log(`--- PostgreSQL ${MAJORS[index]}\n${output}`);
  if (status !== 0) process.exitCode = 1;
}
