// Texts of files and of stdin, and what is wrong with a file.
import { createReadStream } from 'node:fs';

import { CommandError, messageOf } from './errors.ts';

/**
 * Decodes a text in UTF-8, or in UTF-16 as PowerShell 5 redirects it, and removes the byte order mark with
 * which programs of Windows begin a file.
 */
export async function* decodeText(input: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  for await (const chunk of input) {
    const isUtf16 = chunk[0] === 0xff && chunk[1] === 0xfe;
    decoder ??= new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8');
    yield decoder.decode(chunk, { stream: true });
  }
  yield decoder?.decode() ?? '';
}

const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'the file or its folder does not exist (ENOENT). Check the path and the current folder.',
  ENOTDIR: 'a part of the path is no folder (ENOTDIR). Check the path.',
  EISDIR: 'it is a folder (EISDIR). Name a file.',
  EACCES: 'this user may not use it (EACCES). Check its permissions.',
  EPERM: 'this user may not use it (EPERM). Check its permissions.',
  EROFS: 'its file system is read-only (EROFS). Name another file.',
  ENOSPC: 'the disk is full (ENOSPC). Free some space.',
};

/** What is wrong with a file, and what to do. */
export const describeFileError = (error: unknown): string =>
  FILE_ERRORS[String((error as NodeJS.ErrnoException).code)] ?? messageOf(error);

/**
 * Reads a file, or stdin for `-`.
 *
 * @param name what the message calls it, such as `--from event.json`
 * @throws CommandError `unavailable`
 */
export const readText = async (path: string, name: string): Promise<string> => {
  try {
    let text = '';
    const input: AsyncIterable<Uint8Array> = path === '-' ? process.stdin : createReadStream(path);
    for await (const part of decodeText(input)) text += part;
    return text;
  } catch (cause) {
    const message = `${name} cannot be read: ${describeFileError(cause)}`;
    throw new CommandError('unavailable', message, { cause });
  }
};
