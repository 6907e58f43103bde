import { expect, test } from 'vitest';

import { runMissed } from './run-missed.ts';

const TIMEOUT_MS = 300_000;

test(
  'sqlite: every submitted task is handled although webhooks are lost and servers are killed',
  async () => {
    const options = {
      engine: 'sqlite',
      tasks: 60,
      withoutWebhooks: false,
      killEveryMs: 2000,
    } as const;
    const results = await runMissed(options);
    expect(results.missed).toEqual([]);
    expect(results.forgedHandled).toEqual([]);
  },
  TIMEOUT_MS,
);
