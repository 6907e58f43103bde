import { memoryInbox } from '@novita-webhooks/core';

import { unknownCpu, type Engine } from './engine.ts';

/** The baseline: entries do not survive the process. */
export const memory: Engine = {
  shared: false,
  plain: null,
  describe: async () => 'in the process, without limits',
  createPlace: async () => ({
    location: '',
    size: async () => ({ kept: NaN, logged: NaN }),
    cpuMs: unknownCpu,
    remove: async () => undefined,
  }),
  open: async () => ({
    inbox: memoryInbox({ maxEntries: 10_000_000, maxBytes: 64 * 1024 ** 3 }),
    close: async () => undefined,
  }),
};
