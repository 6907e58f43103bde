import { readFile, rename, rm, writeFile } from 'node:fs/promises';

import type { EntryFilter } from '@novita-webhooks/core';
import { CommandError, describeFileError } from '@novita-webhooks/simulator/cli';

/** How far a bulk action has come. */
export interface SavedPlace {
  readonly action: string;
  /** The options that chose the entries and handlers, as they were given. */
  readonly given: string;
  /** What they meant then: relative times have moved since. */
  readonly filter: EntryFilter;
  readonly cursor: string;
}

const unusable = (path: string, cause: unknown): CommandError =>
  new CommandError('unavailable', `the file ${path} cannot be used: ${describeFileError(cause)}`, {
    cause,
  });

const parsePlace = (text: string): SavedPlace | undefined => {
  try {
    const place = JSON.parse(text) as Partial<SavedPlace> | null;
    const { action, given, filter, cursor } = place ?? {};
    const isWhole = typeof action === 'string' && typeof given === 'string';
    if (!isWhole || typeof filter !== 'object' || typeof cursor !== 'string') return undefined;
    return { action, given, filter, cursor };
  } catch {
    return undefined;
  }
};

/**
 * Reads the file of `--resume`; `undefined` if there is none.
 *
 * @throws CommandError `input` if it is another file, `usage` if it is of another command
 */
export const readPlace = async (
  path: string,
  { action, given }: Pick<SavedPlace, 'action' | 'given'>,
): Promise<SavedPlace | undefined> => {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(path, error);
  });
  if (text === undefined) return undefined;
  const place = parsePlace(text);
  if (place === undefined) {
    throw new CommandError('input', `${path} was not written by --resume. Name another file.`);
  }
  if (place.action !== action || place.given !== given) {
    const message = `${path} belongs to another ${place.action}. Repeat that command, or delete the file.`;
    throw new CommandError('usage', message);
  }
  return place;
};

/** Replaces the file as a whole, so that it is complete also if the process ends meanwhile. */
export const writePlace = async (path: string, place: SavedPlace): Promise<void> => {
  try {
    await writeFile(`${path}.partial`, JSON.stringify(place));
    await rename(`${path}.partial`, path);
  } catch (error) {
    throw unusable(path, error);
  }
};

/** Removes the file: nothing is left to do. */
export const removePlace = (path: string): Promise<void> => rm(path, { force: true });
