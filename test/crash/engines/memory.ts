import { memoryInbox } from '@novita-webhooks/core';

import type { Engine } from '../engine.ts';

/** Loses everything with its process, so that the harness can show that it notices. */
export const memory: Engine = {
  points: ['answer', 'handler', 'handled', 'random'],
  shared: false,
  createPlace: async () => ({ location: '', remove: async () => undefined }),
  open: async (_, { leaseDurationMs, cleanupIntervalMs, retention }) => ({
    inbox: memoryInbox({ leaseDurationMs, cleanupIntervalMs, retention }),
  }),
};
