import { rawModes, rawStore, type RawMode, type StoreUnderTest } from './raw-store.ts';

export type { StoreUnderTest } from './raw-store.ts';

/** `sqlite` is sqliteStore; the others are controls, for which the result is known. */
const storeNames = ['sqlite', ...rawModes] as const;
export type StoreName = (typeof storeNames)[number];

export async function openStore(name: StoreName, path: string): Promise<StoreUnderTest> {
  if (name !== 'sqlite') return rawStore(path, name satisfies RawMode);
  // Imported on demand: the controls must not depend on sqliteStore.
  const { sqliteStore } = await import('../../src/index.ts');
  return sqliteStore({ path });
}

export function toStoreName(text: string): StoreName {
  const name = storeNames.find((known) => known === text);
  if (name === undefined) throw new Error(`unknown store: ${text}`);
  return name;
}
