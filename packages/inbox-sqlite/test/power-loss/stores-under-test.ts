import { rawModes, rawStore, type RawMode, type Subject } from './raw-store.ts';

export type { Subject } from './raw-store.ts';

/** Stores that can be put to the proof: ours, and those of which the answer is known. */
const subjectNames = ['store', ...rawModes] as const;
export type SubjectName = (typeof subjectNames)[number];

export async function openSubject(name: SubjectName, path: string): Promise<Subject> {
  if (name !== 'store') return rawStore(path, name satisfies RawMode);
  // Only when it is wanted: the controls are to work without it.
  const { sqliteStore } = await import('../../src/index.ts');
  return sqliteStore({ path });
}

export function toSubjectName(text: string): SubjectName {
  const name = subjectNames.find((known) => known === text);
  if (name === undefined) throw new Error(`no such subject: ${text}`);
  return name;
}
