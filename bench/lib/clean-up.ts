import { rmSync } from 'node:fs';

const cleanUps = new Set<() => void>();

process.once('exit', () => {
  for (const cleanUp of cleanUps) cleanUp();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** Calls `cleanUp` before the process exits, or when the returned function is called. Once. */
export function beforeExit(cleanUp: () => void): () => void {
  cleanUps.add(cleanUp);
  return () => {
    if (cleanUps.delete(cleanUp)) cleanUp();
  };
}

/** Deletes a folder before the process exits, or when the returned function is called. */
export function deleteOnExit(folder: string): () => void {
  return beforeExit(() => rmSync(folder, { recursive: true, force: true }));
}
