import { isWebhookError, WebhookError } from '@novita-webhooks/core';

/** What can be wrong with a database. `lost`: the file is not the one that was opened. */
export type Trouble =
  | 'busy'
  | 'full'
  | 'readonly'
  | 'corrupt'
  | 'cut'
  | 'io'
  | 'unopened'
  | 'descriptors'
  | 'lost'
  | 'stuck'
  | 'other';

const BY_NUMBER: Readonly<Record<number, Trouble>> = {
  5: 'busy',
  6: 'busy',
  8: 'readonly',
  10: 'io',
  11: 'corrupt',
  13: 'full',
  14: 'unopened',
  26: 'corrupt',
};

/** There is no room for the -shm file: SQLITE_IOERR_SHMSIZE. */
const NO_SHM = 4874;

const BY_NAME: readonly [RegExp, Trouble][] = [
  [/^SQLITE_(BUSY|LOCKED)/, 'busy'],
  [/^(SQLITE_FULL|SQLITE_IOERR_SHMSIZE|ENOSPC|EDQUOT)/, 'full'],
  [/^(SQLITE_READONLY|EROFS|EACCES|EPERM)/, 'readonly'],
  [/^(SQLITE_IOERR|EIO)/, 'io'],
  [/^SQLITE_(CORRUPT|NOTADB)/, 'corrupt'],
  [/^(SQLITE_CANTOPEN|ENOENT)/, 'unopened'],
  [/^E[MN]FILE/, 'descriptors'],
];

const WHAT_TO_DO: Readonly<Record<Trouble, string>> = {
  busy: 'something else holds its write lock. Is a transaction left open somewhere?',
  full: 'the disk is full. Free some space',
  readonly:
    'it cannot be written to. Check the permissions of the file, of its -wal and -shm files and of its folder',
  corrupt:
    'it is damaged or no SQLite database. Put a backup in its place, or move it away to begin with ' +
    'an empty one; its -wal and -shm files have to go as well',
  cut:
    'it was cut short, and events are missing from it. Put a backup in its place, or remove it to ' +
    'begin with an empty one; its -wal and -shm files have to go as well',
  io: 'reading or writing failed. Check the disk',
  unopened:
    'it cannot be opened. Does its folder exist, may this process write there, is the disk full, ' +
    'are too many files open?',
  descriptors:
    'too many files are open. Raise the limit (ulimit -n), or find what leaves them open',
  lost: 'its files were deleted, replaced or cut short while in use. If this goes on, restart the process',
  stuck:
    'a transaction could not be ended. Does something in context.transaction leave an iterator over ' +
    'rows open?',
  other: 'SQLite reported an error',
};

/** What stands in the way of a file, by the error of whatever driver. */
export function troubleOf(error: unknown): Trouble {
  if (typeof error !== 'object' || error === null) return 'other';
  const { code, errcode, message } = error as Record<string, unknown>;
  if (code === FILE_LOST) return 'lost';
  if (code === FILE_CUT) return 'cut';
  if (code === STUCK) return 'stuck';
  if (errcode === NO_SHM) return 'full';
  if (typeof errcode === 'number') return BY_NUMBER[errcode & 0xff] ?? other(message);
  const named = BY_NAME.find(([pattern]) => typeof code === 'string' && pattern.test(code));
  return named?.[1] ?? other(message);
}

/** The drivers give neither of these a code of its own. */
function other(message: unknown): Trouble {
  if (typeof message !== 'string') return 'other';
  if (message.includes('within a transaction')) return 'busy'; // the caller's own, on one connection
  return message.includes('Unable to open connection') ? 'unopened' : 'other';
}

/** The codes of the errors that say so. */
export const FILE_LOST = 'FILE_LOST';
export const FILE_CUT = 'FILE_CUT';

const STUCK = 'TRANSACTION_STUCK';

/** A transaction that can be neither committed nor tried again. */
export function stuck(cause: unknown): Error {
  const error = new Error('the transaction could not be committed', { cause });
  return Object.assign(error, { code: STUCK });
}

/** An error that tells the person who reads it what to do. */
export function explain(path: string, error: unknown): Error {
  if (isWebhookError(error)) return error;
  const message = `${path}: ${WHAT_TO_DO[troubleOf(error)]}`;
  return new WebhookError('inbox_unavailable', message, { cause: error });
}
