import { createSimulator } from '@novita-webhooks/simulator';
import { expect, onTestFinished, test } from 'vitest';

import { snippetErrors } from './support/snippet-types.ts';
import { codeBlocks, runUntil } from './support/snippets.ts';

const TIMEOUT_MS = 120_000;
const [code = ''] = await codeBlocks('docs/trust.md');

test('docs/trust.md: the code fits the types', { timeout: TIMEOUT_MS }, () => {
  expect(snippetErrors(code)).toEqual([]);
});

test('docs/trust.md: the client prints the status of a task', { timeout: TIMEOUT_MS }, async () => {
  const simulator = await createSimulator({ apiKey: 'key' });
  onTestFinished(() => simulator.close());
  const { task_id } = await simulator.submit('txt2img');
  await simulator.idle();
  const local = code.replace('apiKey:', `baseUrl: '${simulator.url}', apiKey:`);
  const env = {
    NOVITA_API_KEY: 'key',
    NOVITA_WEBHOOK_SECRET: 'a secret for the guides, long enough to sign',
  };
  const printed = /^TASK_STATUS_SUCCEED http\S+$/m;
  await runUntil(`${local}\nawait printStatus('${task_id}');`, printed, env);
});
