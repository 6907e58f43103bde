import { REPLY_TIMEOUT_MS } from './http-message.ts';

/** A body of spaces in chunks of 64 KiB, until the client stops sending. */
export async function* endlessBody(): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  for (;;) yield chunk;
}

/** A body that sends its first bytes at once and the end after the client has given up. */
export async function* stalledBody(): AsyncGenerator<string> {
  yield '{"event_type":';
  await new Promise((resolve) => setTimeout(resolve, 2 * REPLY_TIMEOUT_MS).unref());
}
