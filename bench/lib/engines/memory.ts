import { memoryInbox } from '@novita-webhooks/core';

import { noCpu, type Engine } from './engine.ts';

/** Nothing is kept beyond the process: what the others are to be seen beside. */
export const memory: Engine = {
  shared: false,
  plain: 'none',
  describe: async () => 'in the process, with no bounds',
  createPlace: async () => ({
    location: '',
    size: async () => ({ kept: NaN, logged: NaN }),
    cpuMs: noCpu,
    remove: async () => undefined,
  }),
  open: async () => ({
    inbox: memoryInbox({ maxEntries: 10_000_000, maxBytes: 64 * 1024 ** 3 }),
    close: async () => undefined,
  }),
};
