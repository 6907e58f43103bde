import { rmSync } from 'node:fs';

const cleanUps = new Set<() => void>();

process.once('exit', () => {
  for (const cleanUp of cleanUps) cleanUp();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** Does something before the process ends, however it ends, unless it was done before. */
export function beforeExit(cleanUp: () => void): () => void {
  cleanUps.add(cleanUp);
  return () => {
    if (cleanUps.delete(cleanUp)) cleanUp();
  };
}

/** Deletes a folder before the process ends, or when called. */
export function temporary(folder: string): () => void {
  return beforeExit(() => rmSync(folder, { recursive: true, force: true }));
}
