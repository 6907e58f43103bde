import type { Store } from '@novita-webhooks/core';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { batched } from './batched.ts';
import type { Call, Method, Return } from './thread-protocol.ts';

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A store in a worker thread. The bundler writes `store-thread.mjs` beside this module. */
export async function threadStore(path: string): Promise<Store> {
  const worker = new Worker(new URL('./store-thread.mjs', import.meta.url), { workerData: path });
  await once(worker, 'message'); // ready
  const pending = new Map<number, PendingCall>();
  const send = batched<Call>((calls) => worker.postMessage(calls));
  let lastId = 0;

  worker.on('message', (returns: readonly Return[]) => {
    for (const returned of returns) {
      const caller = pending.get(returned.id);
      pending.delete(returned.id);
      if ('error' in returned) caller?.reject(returned.error);
      else caller?.resolve(returned.value);
    }
  });
  worker.on('error', (error) => {
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  });

  const call = <T>(method: Method, ...args: readonly unknown[]) =>
    new Promise<T>((resolve, reject) => {
      const id = (lastId += 1);
      pending.set(id, { resolve: resolve as PendingCall['resolve'], reject });
      send({ id, method, args });
    });

  return {
    capabilities: { durable: true, shared: true, transactional: false },
    add: (entry) => call('add', entry),
    claim: (endpoint, limit, leaseDurationMs) => call('claim', endpoint, limit, leaseDurationMs),
    // The argument is a whole claim; only these fields are needed.
    extend: ({ endpoint, taskId, fencingToken }, leaseDurationMs) =>
      call('extend', { endpoint, taskId, fencingToken }, leaseDurationMs),
    settle: ({ endpoint, taskId, fencingToken }, outcome) =>
      call('settle', { endpoint, taskId, fencingToken }, outcome),
    nextDueMs: (endpoint) => call('nextDueMs', endpoint),
    list: (query) => call('list', query),
    get: ({ endpoint, taskId }) => call('get', { endpoint, taskId }),
    replayEntries: (targets) => call('replayEntries', targets),
    discardEntries: (targets) => call('discardEntries', targets),
    stats: () => call('stats'),
    deleteExpired: (retention) => call('deleteExpired', retention),
    async close() {
      await call('close');
      await worker.terminate();
    },
  };
}
