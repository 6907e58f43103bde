import { isWebhookError, WebhookError } from '@novita-webhooks/core';

/** The kinds of database errors that the inbox handles or reports differently. */
export type ErrorKind =
  | 'busy'
  | 'disk-full'
  | 'read-only'
  | 'corrupt'
  | 'truncated'
  | 'io'
  | 'cannot-open'
  | 'too-many-files'
  | 'files-changed'
  | 'commit-blocked'
  | 'left-open'
  | 'closed'
  | 'other';

/** By SQLite's primary result code, which `node:sqlite` reports as `errcode`. */
const KINDS_BY_RESULT_CODE: Readonly<Record<number, ErrorKind>> = {
  5: 'busy',
  6: 'busy',
  8: 'read-only',
  10: 'io',
  11: 'corrupt',
  13: 'disk-full',
  14: 'cannot-open',
  26: 'corrupt',
};

/** SQLite reports this code when the disk has no space for the -shm file. */
const SQLITE_IOERR_SHMSIZE = 4874;

const KINDS_BY_CODE_NAME: readonly [RegExp, ErrorKind][] = [
  [/^SQLITE_(BUSY|LOCKED)/, 'busy'],
  [/^(SQLITE_FULL|SQLITE_IOERR_SHMSIZE|ENOSPC|EDQUOT)/, 'disk-full'],
  [/^(SQLITE_READONLY|EROFS|EACCES|EPERM)/, 'read-only'],
  [/^(SQLITE_IOERR|EIO)/, 'io'],
  [/^SQLITE_(CORRUPT|NOTADB)/, 'corrupt'],
  [/^(SQLITE_CANTOPEN|ENOENT)/, 'cannot-open'],
  [/^E[MN]FILE/, 'too-many-files'],
];

/** Completes the message `cannot use <path>:` with the problem and what to do. */
const DESCRIPTIONS: Readonly<Record<ErrorKind, string>> = {
  busy:
    'another transaction held the write lock for longer than busyTimeoutMs. Find the process or ' +
    'connection that left a transaction open.',
  'disk-full': 'the disk is full. Free some space.',
  'read-only':
    'this process may not write to it. Check the permissions of the file, of its -wal and -shm ' +
    'files and of its folder. Check PRAGMA query_only on a connection that you pass.',
  corrupt:
    'it is damaged or not a SQLite database. Replace it with a backup, or move it away to start ' +
    'with an empty inbox. Do the same with its -wal and -shm files.',
  truncated:
    'it was truncated, and events are missing. Replace it with a backup, or remove it to start ' +
    'with an empty inbox. Remove its -wal and -shm files as well.',
  io: 'reading or writing failed. Check the disk.',
  'cannot-open':
    'it cannot be opened. Check that its folder exists, that this process may write there, that ' +
    'the disk is not full, and that not too many files are open.',
  'too-many-files':
    'too many files are open. Raise the limit (ulimit -n), or find what leaves files open.',
  'files-changed':
    'its files were deleted, replaced or truncated while in use. If this repeats, restart the ' +
    'process.',
  'commit-blocked':
    'the transaction could not be committed. Finish every iterator over rows before a function ' +
    'passed to context.transaction returns.',
  'left-open':
    'a transaction was left open on its connection. Find the code that runs BEGIN without COMMIT or ' +
    'ROLLBACK.',
  closed:
    'its connection was closed. Find the code that closes it; only the inbox or its owner may.',
  other: 'SQLite reported an error. Read the cause of this error.',
};

/** Returns the kind of an error that a driver, the file system or this package has thrown. */
export function classifyError(error: unknown): ErrorKind {
  if (typeof error !== 'object' || error === null) return 'other';
  const { code, errcode, message } = error as Record<string, unknown>;
  if (code === FILES_CHANGED) return 'files-changed';
  if (code === FILE_TRUNCATED) return 'truncated';
  if (code === COMMIT_BLOCKED) return 'commit-blocked';
  if (errcode === SQLITE_IOERR_SHMSIZE) return 'disk-full';
  if (typeof errcode === 'number') {
    return KINDS_BY_RESULT_CODE[errcode & 0xff] ?? classifyMessage(message);
  }
  const named = KINDS_BY_CODE_NAME.find(
    ([pattern]) => typeof code === 'string' && pattern.test(code),
  );
  return named?.[1] ?? classifyMessage(message);
}

/** Recognises errors for which the drivers report no specific code. */
function classifyMessage(message: unknown): ErrorKind {
  if (typeof message !== 'string') return 'other';
  if (message.includes('within a transaction')) return 'left-open';
  if (/(database|connection) is (not open|closed)/i.test(message)) return 'closed';
  return message.includes('Unable to open connection') ? 'cannot-open' : 'other';
}

/** Error code: a file of the database was deleted, replaced or truncated while in use. */
export const FILES_CHANGED = 'FILES_CHANGED';

/** Error code: the database file was truncated, and content is missing. */
export const FILE_TRUNCATED = 'FILE_TRUNCATED';

const COMMIT_BLOCKED = 'COMMIT_BLOCKED';

/** Creates the error for a COMMIT that will not succeed, however often it is retried. */
export function commitBlockedError(cause: unknown): Error {
  const error = new Error('the transaction could not be committed', { cause });
  return Object.assign(error, { code: COMMIT_BLOCKED });
}

/** Whether the operation may succeed later: after a lock is released, or on a new connection. */
export function isTransient(error: unknown): boolean {
  return ['busy', 'left-open', 'closed'].includes(classifyError(error));
}

/** Wraps an error into `inbox_unavailable`, with a message that says what to do. */
export function toInboxError(path: string, error: unknown): Error {
  if (isWebhookError(error)) return error;
  const message = `inbox-sqlite: cannot use ${path}: ${DESCRIPTIONS[classifyError(error)]}`;
  return new WebhookError('inbox_unavailable', message, { cause: error });
}
