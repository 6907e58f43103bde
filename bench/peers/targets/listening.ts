import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Listening, Scheme } from '../protocol.ts';

/** A target that accepts events. */
export interface Started extends Listening {
  stop?(): Promise<void>;
}

/** Called by the handler of every target, for each event. */
export type OnEvent = () => void;

/** @param path path and query that events are sent to */
export async function listen(
  listener: RequestListener,
  scheme: Scheme,
  path: string = '/',
): Promise<Started> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}${path}`, scheme };
}
