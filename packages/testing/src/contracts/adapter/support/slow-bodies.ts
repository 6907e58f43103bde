import { wait } from './with-adapter.ts';

/** A body of spaces in chunks of 64 KiB, until the client stops sending. */
export async function* endlessBody(): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  for (;;) yield chunk;
}

/** A body that sends its first bytes at once and the end after 10 s. */
export async function* stalledBody(): AsyncGenerator<string> {
  yield '{"event_type":';
  await wait(10_000);
}
