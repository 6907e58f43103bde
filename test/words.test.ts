import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { read, root } from './support/workspace.ts';

/** The words that `npm run check:words` would report in a file with this text. */
function reported(text: string): readonly string[] {
  const cspell = join(root, 'node_modules/cspell/bin.mjs');
  const args = [cspell, 'lint', '--no-progress', '--no-summary', '--words-only', 'stdin'];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    input: text,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

test('the spell checker reports misspelt and flagged words, and no term of this repository', () => {
  const terms = 'bullmqInbox reads what Novita sends; BullMQ deduplicates by taskId.';
  const text = 'const waitForWhoever = 1; // The wroker tries it in vain, Somebody told it.';
  expect(reported(`${terms}\n${text}`)).toEqual(['Whoever', 'wroker', 'vain', 'Somebody', 'told']);
});

test('the list of terms is sorted and holds nothing twice', () => {
  const terms = read('.cspell/terms.txt').trimEnd().split('\n');
  const keys = terms.map((term) => term.toLowerCase());
  expect(keys).toEqual([...new Set(keys)].sort((a, b) => (a < b ? -1 : 1)));
});
