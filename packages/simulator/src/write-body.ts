import type { ClientRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import type { Transmission } from './transmission.ts';

const PIECES = 16;

const write = (request: ClientRequest, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve) => {
    if (request.destroyed) resolve();
    else request.write(bytes, () => resolve());
  });

const writeInPieces = async (
  request: ClientRequest,
  bytes: Uint8Array,
  dripMs: number,
  signal: AbortSignal,
): Promise<void> => {
  const size = Math.max(1, Math.ceil(bytes.length / PIECES));
  for (let start = 0; start < bytes.length && !request.destroyed; start += size) {
    await write(request, bytes.subarray(start, start + size));
    await delay(dripMs / PIECES, undefined, { signal });
  }
};

/** Writes a body with the faults of its transmission. Rejects if `signal` is aborted. */
export const writeBody = async (
  request: ClientRequest,
  body: string | Uint8Array,
  { pauseMs, dripMs, isReset }: Transmission,
  signal: AbortSignal,
): Promise<void> => {
  const bytes = Buffer.from(body);
  const sent = isReset ? bytes.subarray(0, Math.floor(bytes.length / 2)) : bytes;
  if (pauseMs > 0) {
    request.flushHeaders();
    await delay(pauseMs, undefined, { signal });
  }
  if (dripMs > 0) await writeInPieces(request, sent, dripMs, signal);
  else if (isReset) await write(request, sent);
  else request.write(sent);
  if (isReset) request.destroy(new Error('the simulator broke the connection: fault reset'));
  else request.end();
};
