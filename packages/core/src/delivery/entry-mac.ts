import type { Signer } from '../callback/signer.ts';
import type { NewEntry } from '../inbox/ports.ts';

/** Signs entries that leave for a foreign queue, and recognises them when they come back. */
export interface EntryMacs {
  sign(entry: NewEntry): string | Promise<string>;
  verify(entry: NewEntry): boolean | Promise<boolean>;
}

export function createEntryMacs(signer: Signer): EntryMacs {
  return {
    sign: (entry) => signer.sign(toSignedText(entry)),
    verify: (entry) => signer.verify(toSignedText(entry), entry.mac ?? ''),
  };
}

/** The prefix keeps entries and tokens apart. Keys are sorted: a queue may store metadata as jsonb. */
function toSignedText(entry: NewEntry): string {
  const { endpoint, taskId, status, body, schemaError, testMode, receivedAt, tokenId } = entry;
  const metadata = JSON.stringify(entry.metadata, sortKeys);
  const event = [endpoint, taskId, status, body, schemaError, metadata];
  return `nwe1.${JSON.stringify([...event, testMode, receivedAt, tokenId])}`;
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
