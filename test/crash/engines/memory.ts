import { memoryInbox } from '@novita-webhooks/core';

import type { Engine } from '../engine.ts';

/** Loses its entries with its process: the checker must report that. */
export const memory: Engine = {
  killPoints: ['answer', 'handler', 'handled', 'random'],
  shared: false,
  steadyTime: false,
  createPlace: async () => ({ location: '', remove: async () => undefined }),
  open: async (_, { leaseDurationMs, cleanupIntervalMs, retention }) => ({
    inbox: memoryInbox({ leaseDurationMs, cleanupIntervalMs, retention }),
  }),
};
