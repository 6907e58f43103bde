import type { EventRecord } from './event-record.ts';

const TIMEOUT_MS = 30_000;

/** Posts the record as JSON. Rejects unless the answer is a 2xx, so the event is tried again. */
export const forward = async (
  url: string,
  record: EventRecord,
  signal: AbortSignal,
): Promise<void> => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(record),
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`--forward was answered ${response.status}`);
};
