import { expect, test } from 'vitest';

import { setUp } from './helpers.ts';

test('createCallback: a promise that was not awaited cannot be submitted', async () => {
  const { receiver } = setUp();
  const webhook = receiver.createCallback();
  const message =
    /^createCallback: its promise was used .* Write: await receiver\.createCallback\(…\)\.$/;
  expect(() => JSON.stringify({ extra: { webhook } })).toThrow(message);
  expect(() => ({ ...(webhook as unknown as object) })).toThrow(message);
  expect(() => (webhook as unknown as { url: string }).url).toThrow(message);
  const { url } = await webhook;
  expect(url).toContain('?token=');
});

test('createCallbackUrl: a promise that was not awaited is no text', async () => {
  const { receiver } = setUp();
  const url = receiver.createCallbackUrl();
  const message = /^createCallbackUrl: its promise was used/;
  expect(() => String(url as unknown)).toThrow(message);
  expect(() => JSON.stringify({ callback_url: url })).toThrow(message);
  expect(await url).toContain('?token=');
});
