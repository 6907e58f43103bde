// Whether a file is an inbox, without a SQLite library: to open it as an inbox would create the tables.
import { createReadStream, existsSync } from 'node:fs';

/** A table of every inbox. SQLite stores its name as text. */
const TABLE = 'novita_migrations';
const SQLITE_HEADER = 'SQLite format 3\0';

/** Reads up to the first occurrence, which is on the first page unless the file has other tables. */
const contains = async (path: string, text: string): Promise<boolean> => {
  if (!existsSync(path)) return false;
  let rest = '';
  for await (const chunk of createReadStream(path, 'latin1')) {
    const read = rest + String(chunk);
    if (read.includes(text)) return true;
    rest = read.slice(1 - text.length);
  }
  return false;
};

const isSqlite = async (path: string): Promise<boolean> => {
  for await (const chunk of createReadStream(path, { encoding: 'latin1', end: 15 })) {
    return chunk === SQLITE_HEADER;
  }
  return true; // an empty file is a database without tables
};

/**
 * Whether a database file has no inbox in it. `false` for a file that is no database: opening it says
 * what is wrong.
 */
export const hasNoInbox = async (path: string): Promise<boolean> => {
  const isFound = async (): Promise<boolean> =>
    (await contains(path, TABLE)) || (await contains(`${path}-wal`, TABLE));
  try {
    return (await isSqlite(path)) && !(await isFound());
  } catch {
    return false; // a folder, or a file that cannot be read
  }
};
