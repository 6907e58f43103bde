import { open } from 'node:fs/promises';

import { CommandError, describeFileError } from '@novita-webhooks/simulator/cli';

import type { EventRecord } from './event-record.ts';

/** Appends records to a file, each on disk before `append` resolves. */
export interface RecordFile {
  readonly append: (record: EventRecord) => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * Opens the file, so that a wrong path is noticed at the start.
 *
 * @throws CommandError `unavailable`
 */
export const openRecordFile = async (path: string): Promise<RecordFile> => {
  const file = await open(path, 'a').catch((cause: unknown) => {
    const message = `--out ${path} cannot be written: ${describeFileError(cause)}`;
    throw new CommandError('unavailable', message, { cause });
  });
  return {
    append: async (record) => {
      await file.appendFile(`${JSON.stringify(record)}\n`);
      await file.datasync();
    },
    close: () => file.close(),
  };
};
