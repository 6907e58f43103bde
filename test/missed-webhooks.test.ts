import { createSimulator } from '@novita-webhooks/simulator';
import { expect, onTestFinished, test } from 'vitest';

import { codeBlocks, runUntil } from './support/snippets.ts';

const TIMEOUT_MS = 120_000;
const [submit = '', wait = ''] = await codeBlocks('docs/missed-webhooks.md');

test(
  'docs/missed-webhooks.md: a result whose webhook cannot come reaches the handler',
  { timeout: TIMEOUT_MS },
  async () => {
    const simulator = await createSimulator({ apiKey: 'key' });
    onTestFinished(() => simulator.close());
    expect(submit).toContain('https://api.novita.ai');
    const local = submit
      .replace('https://api.novita.ai', simulator.url)
      .replace('apiKey:', `baseUrl: '${simulator.url}', apiKey:`)
      // The simulator refuses a URL on another machine.
      .replace("url: 'https://example.com/webhooks/novita',", '')
      .replace("media: 'video'", "media: 'image'"); // is asked about after 5 s
    const env = {
      NOVITA_API_KEY: 'key',
      NOVITA_WEBHOOK_SECRET: 'a secret for the guides, long enough to sign',
    };
    const printed = /^order 42 \S+ http\S+$[^]*^TASK_STATUS_SUCCEED http\S+$/m;
    await runUntil(`${local}\n${wait}`, printed, env);
  },
);
