import { createReceiver } from '@novita-webhooks/core';
import { sampleEvents, signedDelivery } from '@novita-webhooks/core/testing';
import { postgresInbox } from '@novita-webhooks/inbox-postgres';
import { createSimulator } from '@novita-webhooks/simulator';
import { Pool } from 'pg';
import { expect, test } from 'vitest';

import { freePort } from './support/program.ts';
import { findPostgres, temporaryDatabase } from './support/services.ts';
import { codeBlocks, runUntil } from './support/snippets.ts';

const secret = 'a secret for the README, long enough to sign';

test('the README example handles a task that its own submit call asked for', async () => {
  const [server = '', submit = ''] = await codeBlocks('README.md');
  expect(
    server
      .trim()
      .split('\n')
      .filter((line) => line.trim() !== '').length,
  ).toBeLessThanOrEqual(15);
  const simulator = await createSimulator();
  const port = await freePort();
  const code = `${server}\n${submit}`
    .replace('https://example.com', `http://127.0.0.1:${port}`)
    .replace('https://api.novita.ai', simulator.url);
  const env = { PORT: String(port), NOVITA_WEBHOOK_SECRET: secret };
  const output = await runUntil(code, /order 42 \S+ http\S+/, env, simulator.idle);
  expect(output).toContain(`order 42 ${simulator.tasks()[0]?.id}`);
  expect(simulator.deliveries().map(({ answer }) => answer)).toMatchObject([{ status: 200 }]);
  await simulator.close();
}, 30_000);

test('the README example of the Express package handles a task', async () => {
  const [code = ''] = await codeBlocks('packages/express/README.md');
  const simulator = await createSimulator();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/webhooks/novita`;
  const webhook = await createReceiver({ url, secret }).callback();
  const printed = runUntil(`${code}\napp.listen(${port});`, /\S+ http\S+/, {
    NOVITA_WEBHOOK_SECRET: secret,
  });
  await simulator.submit('txt2img', { extra: { webhook } });
  expect(await printed).toContain(simulator.tasks()[0]?.id);
  await simulator.close();
}, 30_000);

test('the README example of the core package gets a reply', async () => {
  const [code = ''] = await codeBlocks('packages/core/README.md');
  const output = await runUntil(code, /^401 .*unauthorized/ms, { NOVITA_WEBHOOK_SECRET: secret });
  expect(output).toContain('application/problem+json');
}, 30_000);

test('the README examples of the SQLite inbox keep an event, and write to its file once', async () => {
  const [receiver = '', transaction = ''] = await codeBlocks('packages/inbox-sqlite/README.md');
  const before = `
    import { sampleEvents, signedDelivery } from '@novita-webhooks/core/testing';
    import Database from 'libsql';
    const open = () => new Database('webhooks.db');
    open().exec('CREATE TABLE pictures (task_id TEXT, file TEXT)');
    const download = async (url) => 'picture of ' + new URL(url).hostname;`;
  const after = `
    await receiver.handle(await signedDelivery(receiver, sampleEvents.imageSucceeded()));
    receiver.start();
    const isDone = async () => (await receiver.inbox.stats()).done === 1;
    while (!(await isDone())) await new Promise((resolve) => setTimeout(resolve, 20));
    console.log('pictures', JSON.stringify(open().prepare('SELECT file FROM pictures').all()));`;
  const code = [before, receiver, transaction, after].join('\n');
  const output = await runUntil(code, /^pictures .*$/m, { NOVITA_WEBHOOK_SECRET: secret });
  expect(output).toMatch(/^pictures \[\{"file":"picture of \S+"\}\]$/m);
}, 30_000);

const server = await findPostgres('the README example of a worker');

test.skipIf(server === undefined)(
  'the README example of a worker handles what a web process has taken',
  async () => {
    const [, , code = ''] = await codeBlocks('README.md');
    const { url, remove } = await temporaryDatabase(server ?? '');
    const pool = new Pool({ connectionString: url });
    const inbox = postgresInbox({ pool });
    const web = createReceiver({ url: 'https://example.com', secret, inbox, consume: false });
    try {
      const printed = runUntil(code, /^order 42 \S+ http\S+$/m, { DATABASE_URL: url });
      const event = sampleEvents.imageSucceeded({ taskId: 'a-task-of-the-readme' });
      const reply = await web.handle(await signedDelivery(web, event, { orderId: 42 }));
      expect(reply.status).toBe(200);
      expect(await printed).toContain('order 42 a-task-of-the-readme http');
    } finally {
      await web.close();
      await pool.end();
      await remove();
    }
  },
  30_000,
);
