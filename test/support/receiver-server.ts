import { createReceiver, type Receiver, type TaskResult } from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What a handler got. */
interface Handled {
  readonly result: TaskResult;
  readonly metadata: object;
  readonly testMode: boolean;
}

interface ReceiverServer {
  readonly url: string;
  readonly receiver: Receiver;
  readonly handled: Handled[];
}

/** Starts a server with a real receiver, and closes it after the test. */
export async function startReceiverServer(
  secret: string,
  endpoint = 'novita',
): Promise<ReceiverServer> {
  const handled: Handled[] = [];
  const server = createServer((request, response) => {
    void handleNodeRequest(receiver, request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/novita`;
  const receiver = createReceiver({ url, secret, endpoint, logger: false });
  receiver.onTaskFinished((result, { metadata, testMode }) => {
    handled.push({ result, metadata, testMode });
  });
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await receiver.close();
  });
  return { url, receiver, handled };
}
