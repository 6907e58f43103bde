import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach } from 'vitest';

const folders: string[] = [];

/** Creates a folder that is removed when the test ends. */
export function temporaryFolder(parent: string = tmpdir()): string {
  const folder = mkdtempSync(join(parent, 'novita-sqlite-'));
  folders.push(folder);
  return folder;
}

export const temporaryFile = (): string => join(temporaryFolder(), 'webhooks.db');

const MEMORY_FOLDER = '/dev/shm';

/** Returns a file in memory if possible, for tests that commit thousands of times. */
export const quickTemporaryFile = (): string =>
  join(temporaryFolder(existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : undefined), 'webhooks.db');

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
