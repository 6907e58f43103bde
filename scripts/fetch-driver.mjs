// Downloads better-sqlite3 for the tests of the SQLite inbox. It is in no package.json: the release
// with prebuilt binaries does not run on the oldest supported Node.
//   node scripts/fetch-driver.mjs    prints the folder for TEST_BETTER_SQLITE3
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { fetchPackage } from './lib/fetch-package.mjs';
import { root } from './lib/packages.mjs';

const NAME = 'better-sqlite3';
const VERSION = '13.2.0';

/** The oldest Node on which it runs, according to its package.json. */
export const DRIVER_NEEDS_NODE = 22;

/** Returns the folder with its `node_modules`. Downloads it the first time. */
export function fetchDriver() {
  const folder = join(root, '.cache/drivers', `${NAME}@${VERSION}`);
  fetchPackage({ spec: `${NAME}@${VERSION}`, megabytes: 11 }, folder, (draft) => {
    // The binary is not loaded here: this Node can be too old for it.
    const prebuilt = join(draft, 'node_modules', NAME, 'prebuilds');
    if (!existsSync(prebuilt))
      throw new Error(`fetch-driver: ${NAME}@${VERSION} has no prebuilt binaries.`);
  });
  return folder;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(fetchDriver());
