import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { temporaryFile } from './support/temporary-files.ts';

const script = join(import.meta.dirname, 'support/drop-inbox.ts');

// Node 25 throws for a FileHandle that is collected while open; older versions deprecate it.
test('sqliteInbox: an inbox dropped without close() does not end the process', () => {
  const node = ['--expose-gc', '--throw-deprecation', '--import', 'tsx'];
  const { stdout, stderr } = spawnSync(process.execPath, [...node, script, temporaryFile()], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout).toBe('alive\n');
});
