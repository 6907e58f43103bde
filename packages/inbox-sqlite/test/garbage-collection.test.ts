import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { temporaryFile } from './support/temporary-files.ts';

const script = join(import.meta.dirname, 'support/drop-inbox.ts');

// What a newer Node takes for an error, Node 20 deprecates.
test('an inbox that is dropped without being closed does not end the process', () => {
  const node = ['--expose-gc', '--throw-deprecation', '--import', 'tsx'];
  const { stdout, stderr } = spawnSync(process.execPath, [...node, script, temporaryFile()], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout).toBe('still there\n');
});
