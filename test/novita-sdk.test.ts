import { createReceiver } from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import { createSimulator } from '@novita-webhooks/simulator';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';

import { freePort } from './support/program.ts';
import { codeBlocks, runUntil } from './support/snippets.ts';
import { typeErrorsOf } from './support/type-errors.ts';

const TIMEOUT_MS = 240_000;
const secret = 'a secret for the guides, long enough to sign';

const [server = '', submit = '', types = ''] = await codeBlocks('docs/novita-sdk.md');
const [inCode = ''] = await codeBlocks('packages/simulator/README.md');

test(
  'docs/novita-sdk.md: the SDK submits a task, and the handler gets its result',
  async () => {
    const simulator = await createSimulator({ apiKey: 'sk_test' });
    onTestFinished(() => simulator.close());
    const port = await freePort();
    const code = `${server}\n${submit}`.replace('https://example.com', `http://127.0.0.1:${port}`);
    const output = await runUntil(code, /submitted[^]*ready|ready[^]*submitted/, {
      PORT: String(port),
      NOVITA_WEBHOOK_SECRET: secret,
      NOVITA_API_KEY: 'sk_test',
      NOVITA_BASE_URL: `${simulator.url}/`,
    });
    expect(output).toMatch(`ready ${simulator.tasks()[0]?.id} http://`);
  },
  TIMEOUT_MS,
);

test(
  'docs/novita-sdk.md: the SDK reports a rejected submit',
  async () => {
    const simulator = await createSimulator({ apiKey: 'sk_test' });
    onTestFinished(() => simulator.close());
    const code = `${server}\n${submit}`;
    const output = await runUntil(code, /Novita: .*/, {
      PORT: '0',
      NOVITA_WEBHOOK_SECRET: secret,
      NOVITA_API_KEY: 'wrong',
      NOVITA_BASE_URL: simulator.url,
    });
    expect(output).toContain('Novita: 403 INVALID_API_KEY invalid api-key');
  },
  TIMEOUT_MS,
);

test.each([
  ['the server and the submit call', `${server}\n${submit}`],
  ['the functions that take both results', types],
])(
  'docs/novita-sdk.md: %s compile, with and without exactOptionalPropertyTypes',
  (_name, code) => {
    expect(code).toContain('novita-sdk');
    expect(typeErrorsOf(code)).toEqual([]);
    expect(typeErrorsOf(code, { exactOptionalPropertyTypes: false })).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'docs/novita-sdk.md: without a test_mode of its own, the callback does not compile',
  () => {
    const bare = `${server}\n${submit}`.replace('test_mode: noTest, ', '');
    expect(typeErrorsOf(bare).join('\n')).toContain('test_mode');
  },
  TIMEOUT_MS,
);

test(
  'packages/simulator/README.md: the code delivers an event and its copies to a server',
  async () => {
    const receiver = createReceiver({ url: 'http://127.0.0.1/webhooks/novita', secret });
    const http = createServer((request, response) => {
      void handleNodeRequest(receiver, request, response);
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    onTestFinished(async () => {
      http.close();
      http.closeAllConnections();
      await receiver.close();
    });
    const { port } = http.address() as AddressInfo;
    const code = inCode.replace('127.0.0.1:3000', `127.0.0.1:${port}`);
    const end = `console.log('ended');`;
    const output = await runUntil(`${code}\n${end}`, /ended/, { NOVITA_WEBHOOK_SECRET: secret });
    expect(output).toMatch(/accepted[^]*duplicate/);
    expect(typeErrorsOf(inCode, { noPropertyAccessFromIndexSignature: false })).toEqual([]);
  },
  TIMEOUT_MS,
);
