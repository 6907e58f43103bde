import { createReceiver } from '@novita-webhooks/core';
import { sampleEvents, signedDelivery } from '@novita-webhooks/testing';
import { postgresInbox } from '@novita-webhooks/inbox-postgres';
import { createSimulator } from '@novita-webhooks/simulator';
import { Pool } from 'pg';
import { describe, expect, test } from 'vitest';

import { freePort } from './support/program.ts';
import { findPostgres, findRedis, temporaryDatabase, temporaryRedis } from './support/services.ts';
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
  const webhook = await createReceiver({ url, secret }).createCallback();
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

test.each([0, 1, 2, 3, 4])(
  'the README example %i of the testing package passes under node:test',
  async (index) => {
    const code = (await codeBlocks('packages/testing/README.md'))[index] ?? '';
    const output = await runUntil(code, /^# duration_ms/m, {});
    expect(output).toMatch(/^# pass [1-9]/m);
    expect(output).toMatch(/^# fail 0$/m);
  },
  30_000,
);

test('the README examples of the SQLite inbox keep an event, and write to its file once', async () => {
  const [receiver = '', transaction = ''] = await codeBlocks('packages/inbox-sqlite/README.md');
  const before = `
    import { sampleEvents, signedDelivery } from '@novita-webhooks/testing';
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

const server = await findPostgres('the README examples with PostgreSQL');

describe.skipIf(server === undefined)('with PostgreSQL, the README examples', () => {
  const README = 'packages/inbox-postgres/README.md';

  /** In a database of its own: the examples have their tables where everybody's are. */
  async function withDatabase(work: (url: string) => Promise<void>): Promise<void> {
    const { url, remove } = await temporaryDatabase(server ?? '');
    await work(url).finally(remove);
  }

  test('of a worker handles what a web process has taken', { timeout: 60_000 }, () =>
    withDatabase(async (url) => {
      const [, , code = ''] = await codeBlocks('README.md');
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
      }
    }),
  );

  test('of its inbox write once what its transaction writes', { timeout: 60_000 }, () =>
    withDatabase(async (url) => {
      const [receiver = '', transaction = ''] = await codeBlocks(README);
      const before = `
        import { sampleEvents, signedDelivery } from '@novita-webhooks/testing';
        const download = async (url) => 'picture of ' + new URL(url).hostname;`;
      const after = `
        await pool.query('CREATE TABLE pictures (task_id text, file text)');
        await receiver.handle(await signedDelivery(receiver, sampleEvents.imageSucceeded()));
        receiver.start();
        const isDone = async () => (await receiver.inbox.stats()).done === 1;
        while (!(await isDone())) await new Promise((resolve) => setTimeout(resolve, 20));
        const { rows } = await pool.query('SELECT file FROM pictures');
        console.log('pictures', JSON.stringify(rows));`;
      const env = { NOVITA_WEBHOOK_SECRET: secret, DATABASE_URL: url };
      const all = [before, receiver, transaction, after].join('\n');
      const output = await runUntil(all, /^pictures .*$/m, env);
      expect(output).toMatch(/^pictures \[\{"file":"picture of \S+"\}\]$/m);
    }),
  );

  test('of its inbox make a pool of postgres.js', { timeout: 60_000 }, () =>
    withDatabase(async (url) => {
      const [, , own = ''] = await codeBlocks(README);
      const before = `import { postgresInbox } from '@novita-webhooks/inbox-postgres';`;
      const after = `console.log('pending', (await inbox.stats()).pending);`;
      const code = [before, own, after].join('\n');
      const output = await runUntil(code, /^pending 0$/m, { DATABASE_URL: url });
      expect(output).toContain('pending 0');
    }),
  );
});

const redis = await findRedis('the README example of the BullMQ inbox');

test.skipIf(redis === undefined)(
  'the README example of the BullMQ inbox takes an event and handles it',
  async () => {
    const [code = ''] = await codeBlocks('packages/inbox-bullmq/README.md');
    const { url, remove } = await temporaryRedis(redis ?? '');
    const before = `import { sampleEvents, signedDelivery } from '@novita-webhooks/testing';`;
    const after = `
      receiver.onTaskSucceeded(({ task }) => console.log('handled', task.task_id));
      await receiver.handle(await signedDelivery(receiver, sampleEvents.imageSucceeded()));
      receiver.start();`;
    try {
      const env = { NOVITA_WEBHOOK_SECRET: secret, REDIS_URL: url };
      const all = [before, code, after].join('\n');
      expect(await runUntil(all, /^handled \S+$/m, env)).toContain('handled');
    } finally {
      await remove();
    }
  },
  30_000,
);
