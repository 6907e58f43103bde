// better-sqlite3 for the tests of the SQLite inbox. It is in no package.json here: the release that
// needs no compiler does not run on our oldest Node.
//   node scripts/fetch-driver.mjs    prints the folder to hand on as TEST_BETTER_SQLITE3
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { fetchPackage } from './lib/fetch-package.mjs';
import { root } from './lib/packages.mjs';

const NAME = 'better-sqlite3';
const VERSION = '13.2.0';

/** Of Node; from then on it runs, as its package.json says. */
export const DRIVER_NEEDS_NODE = 22;

/** The folder whose `node_modules` hold it, downloaded the first time. */
export function fetchDriver() {
  const folder = join(root, '.cache/drivers', `${NAME}@${VERSION}`);
  fetchPackage({ spec: `${NAME}@${VERSION}`, megabytes: 11 }, folder, (draft) => {
    // Whether the binary loads is for the tests to say: this Node may be too old for it.
    const prebuilt = join(draft, 'node_modules', NAME, 'prebuilds');
    if (!existsSync(prebuilt)) throw new Error(`${NAME} has no prebuilt binaries any more`);
  });
  return folder;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(fetchDriver());
