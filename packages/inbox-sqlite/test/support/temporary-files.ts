import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach } from 'vitest';

const folders: string[] = [];

/** A folder of its own for each test that asks, gone when the test ends. */
export function temporaryFolder(parent: string = tmpdir()): string {
  const folder = mkdtempSync(join(parent, 'novita-sqlite-'));
  folders.push(folder);
  return folder;
}

export const temporaryFile = (): string => join(temporaryFolder(), 'webhooks.db');

const IN_MEMORY = '/dev/shm';

/** For tests that commit thousands of times and to which the disk does not matter. */
export const quickTemporaryFile = (): string =>
  join(temporaryFolder(existsSync(IN_MEMORY) ? IN_MEMORY : undefined), 'webhooks.db');

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
