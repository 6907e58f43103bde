// Lines of a file or of stdin, and an output that is complete or absent.
import { createReadStream, createWriteStream } from 'node:fs';
import { access, rename, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CommandError, decodeText, describeFileError } from '@novita-webhooks/simulator/cli';

/** Characters. The largest entry of an export is far below. */
const MAX_LINE_LENGTH = 64 * 1024 * 1024;

const unusable = (path: string, cause: unknown): CommandError => {
  if (cause instanceof CommandError) return cause;
  const message = `${path} cannot be used: ${describeFileError(cause)}`;
  return new CommandError('unavailable', message, { cause });
};

async function* splitLines(input: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const text of decodeText(input)) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > MAX_LINE_LENGTH) {
      throw new CommandError('input', 'a line is longer than 64 MiB, so this is no export.');
    }
  }
  if (rest !== '') yield rest;
}

/**
 * Yields the lines of a file, or of stdin for `-`, until the signal is aborted.
 *
 * @throws CommandError `unavailable`, `input`
 */
export async function* readLines(path: string, signal: AbortSignal): AsyncGenerator<string> {
  const input: Readable = path === '-' ? process.stdin : createReadStream(path);
  signal.addEventListener('abort', () => input.destroy()); // it may be waiting for a line
  try {
    for await (const line of splitLines(input)) {
      if (signal.aborted) return;
      yield line;
    }
  } catch (error) {
    if (!signal.aborted) throw unusable(path, error);
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * Writes a file that appears under its name only when it is complete.
 *
 * @throws CommandError `usage` if the file exists and must not be replaced; `unavailable`
 */
export const writeWhole = async (
  path: string,
  lines: AsyncIterable<string>,
  options: { readonly force: boolean; readonly signal: AbortSignal },
): Promise<void> => {
  if (!options.force && (await exists(path))) {
    throw new CommandError('usage', `${path} exists. Name another file, or pass --force.`);
  }
  const partial = `${path}.partial`;
  const output = createWriteStream(partial);
  try {
    await pipeline(lines, output, { signal: options.signal });
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw options.signal.aborted || !isOfFile(error) ? error : unusable(path, error);
  }
};

/** Whether the file system caused an error; otherwise the inbox did. */
const isOfFile = (error: unknown): boolean =>
  typeof (error as NodeJS.ErrnoException).syscall === 'string' &&
  (error as NodeJS.ErrnoException).path !== undefined;
