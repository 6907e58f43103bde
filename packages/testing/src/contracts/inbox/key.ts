import assert from 'node:assert/strict';

import type { EntryKey } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { InboxCase } from './inbox-subject.ts';

/** An object whose every read throws. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** `get`, `replay` and `discard` with a key that is not one. */
export const keyCases: readonly InboxCase[] = [
  {
    name: 'get, replay and discard: reject a key without endpoint or taskId with invalid_argument',
    async run({ inbox }) {
      const { endpoint, taskId } = createTestEntry();
      const invalid: unknown[] = [
        undefined,
        null,
        taskId,
        { taskId },
        { endpoint },
        { endpoint: 1, taskId },
        revoked(),
      ];
      for (const key of invalid as EntryKey[]) {
        for (const operation of [inbox.get, inbox.replay, inbox.discard]) {
          await assert.rejects(operation(key), { code: 'invalid_argument' });
        }
      }
    },
  },
];
