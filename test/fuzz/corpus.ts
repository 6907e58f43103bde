// Inputs that gave a new kind of reply, or a failure. Each run replays and mutates them.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('corpus/', import.meta.url));
/** Larger inputs are not kept. */
const MAX_BYTES = 4096;

interface CorpusFile {
  /** Bytes as the characters U+0000 to U+00FF. */
  readonly request: string;
}

/** A file per kind of reply. */
export interface Corpus {
  readonly inputs: readonly Buffer[];
  /** Keeps an input if there is none of this name yet. @returns whether it is new */
  add(name: string, bytes: Buffer): boolean;
}

/** @param folder where new inputs are written; `null`: nowhere */
export function openCorpus(folder: string | null): Corpus {
  const known = new Map(
    readdirSync(FOLDER)
      .filter((file) => file.endsWith('.json'))
      .map((file) => [file.slice(0, -5), readInput(file)]),
  );
  return {
    inputs: [...known.values()],
    add(name, bytes) {
      if (known.has(name) || bytes.length > MAX_BYTES) return false;
      known.set(name, bytes);
      if (folder === null) return true;
      mkdirSync(folder, { recursive: true });
      const file: CorpusFile = { request: bytes.toString('latin1') };
      writeFileSync(`${folder}/${name}.json`, `${JSON.stringify(file, null, 2)}\n`);
      return true;
    },
  };
}

export const CORPUS_FOLDER: string = FOLDER;

function readInput(file: string): Buffer {
  const { request } = JSON.parse(readFileSync(FOLDER + file, 'utf8')) as CorpusFile;
  return Buffer.from(request, 'latin1');
}
