import { readFile } from 'node:fs/promises';

import { createReceiver } from '@novita-webhooks/core';
import { sampleEvents, signedDelivery } from '@novita-webhooks/testing';
import { postgresInbox } from '@novita-webhooks/inbox-postgres';
import { createSimulator } from '@novita-webhooks/simulator';
import { Pool } from 'pg';
import { describe, expect, test, vi } from 'vitest';

import { runProcess } from '../packages/simulator/test/support/run-command.ts';
import { freePort } from './support/program.ts';
import { findPostgres, findRedis, temporaryDatabase, temporaryRedis } from './support/services.ts';
import { snippetErrors } from './support/snippet-types.ts';
import { codeBlocks, runUntil } from './support/snippets.ts';

/** Starting a program takes long on a busy machine. */
const TIMEOUT_MS = 60_000;
const secret = 'a secret for the README, long enough to sign';

/** Of a command that begins with `npx` and a package, without their quotes. */
function argumentsOf(command: string): string[] {
  const [, , ...args] = command.match(/"[^"]*"|\S+/g) ?? [];
  return args.map((argument) => argument.replaceAll('"', ''));
}

test(
  'README.md: the first event, sent by the command of the simulator, is handled',
  async () => {
    const [code = ''] = await codeBlocks('README.md', 'js');
    const [, command = ''] = await codeBlocks('README.md', 'sh');
    const port = await freePort();
    const local = (text: string) => text.replaceAll('3000', String(port));
    const trigger = argumentsOf(local(command));
    const isSent = async () => (await runProcess(trigger)).code === 0;
    const sending = vi.waitUntil(isSent, { timeout: TIMEOUT_MS }); // once the server is up
    const wanted = /^ready \S+ http\S+$/m;
    const handled = runUntil(local(code), wanted, {}, async () => {
      await sending;
    });
    expect(await handled).toContain('receiver: started');
  },
  TIMEOUT_MS,
);

test(
  'README.md: the first server starts as a CommonJS module',
  async () => {
    const [code = '', requires = ''] = await codeBlocks('README.md', 'js');
    const port = await freePort();
    const rest = code.replaceAll(/^import .*\n/gm, '').replaceAll('3000', String(port));
    const wanted = /receiver: started .*handlers=2/;
    await runUntil(`${requires}\n${rest}`, wanted, {}, undefined, 'snippet.cjs');
  },
  TIMEOUT_MS,
);

test(
  'README.md: the example, as plain JavaScript, handles the task that it submits and an event',
  async () => {
    const [server = ''] = await codeBlocks('README.md');
    const blocks = await codeBlocks('README.md', 'sh');
    const terminals = blocks.find((code) => code.includes('# terminal 1')) ?? '';
    const trigger = blocks.find((code) => code.includes('--metadata')) ?? '';
    const simulator = await createSimulator();
    const port = await freePort();
    const order = `await fetch('http://127.0.0.1:${port}/orders/42', { method: 'POST' })`;
    const whenListening = `while (!(${order}.catch(() => false)));`;
    expect(terminals).toContain('NOVITA_BASE_URL=http://127.0.0.1:4010 node orders.mjs');
    const env = {
      PORT: String(port),
      NOVITA_BASE_URL: simulator.url,
      NOVITA_WEBHOOK_SECRET: secret,
    };
    const code = `${server}\n${whenListening}`;
    const output = await runUntil(
      code,
      /order 42 \S+ http\S+/,
      env,
      async () => {
        await simulator.idle();
        const [, line = '', metadata = ''] = /simulator (trigger .+) '(.+)'/.exec(trigger) ?? [];
        const args = [...line.replace('3000', String(port)).split(' '), metadata];
        expect(await runProcess([...args, '--secret', secret])).toMatchObject({ code: 0 });
      },
      'orders.mjs',
    );
    expect(output).toContain(`order 42 ${simulator.tasks()[0]?.id}`);
    expect(simulator.deliveries().map(({ answer }) => answer)).toMatchObject([{ status: 200 }]);
    await simulator.close();
  },
  TIMEOUT_MS,
);

test('README.md: the example fits TypeScript with the type argument of the text', async () => {
  const [server = ''] = await codeBlocks('README.md');
  const [, typed = ''] =
    /`(createReceiver<.*>\(\{)`/.exec(await readFile('README.md', 'utf8')) ?? [];
  expect(server).toContain('createReceiver({');
  const code = server.replace('createReceiver({', typed);
  expect(snippetErrors(code)).toEqual([]);
  expect(snippetErrors(code.replace('metadata: { orderId }', 'metadata: {}'))).not.toEqual([]);
});

test.each(['express', 'fastify', 'koa'])(
  'packages/%s/README.md: the server handles the event of the command',
  async (name) => {
    const [code = ''] = await codeBlocks(`packages/${name}/README.md`);
    const [, start = '', command = ''] = await codeBlocks(`packages/${name}/README.md`, 'sh');
    const port = await freePort();
    const local = (text: string) => text.replaceAll('3000', String(port));
    const [, own = ''] = /^NOVITA_WEBHOOK_SECRET="(.+)" node server\.mjs$/m.exec(start) ?? [];
    const trigger = argumentsOf(local(command));
    const isSent = async () => (await runProcess(trigger)).code === 0;
    const env = { NOVITA_WEBHOOK_SECRET: own };
    const sending = vi.waitUntil(isSent, { timeout: TIMEOUT_MS }); // once the server is up
    const handled = runUntil(local(code), /^ready \S+ http\S+\/samples\//m, env, async () => {
      await sending;
    });
    expect(await handled).toMatch(/^receiver: started .* inbox=memory handlers=2$/m);
  },
  TIMEOUT_MS,
);

test(
  'packages/fastify/README.md: the complete server handles the task that it submits',
  async () => {
    const code = (await codeBlocks('packages/fastify/README.md')).at(-1) ?? '';
    const simulator = await createSimulator();
    const port = await freePort();
    const order = `fetch('http://127.0.0.1:${port}/orders/42', { method: 'POST' }).catch(() => false)`;
    const env = {
      PORT: String(port),
      NOVITA_BASE_URL: simulator.url,
      NOVITA_WEBHOOK_SECRET: secret,
    };
    const output = await runUntil(
      `${code}\nwhile (!(await ${order}));`,
      /order 42 \S+ http\S+/,
      env,
      simulator.idle,
    );
    expect(output).toContain(`order 42 ${simulator.tasks()[0]?.id}`);
    await simulator.close();
  },
  TIMEOUT_MS,
);

test(
  'packages/koa/README.md: the logger masks the token, and no query of another route',
  async () => {
    const code = (await codeBlocks('packages/koa/README.md'))[1] ?? '';
    const get = (path: string) => `await fetch(\`http://127.0.0.1:\${port}${path}\`);`;
    const requests = [get('/webhooks/novita?token=abc'), get('/orders?page=2')].join('\n');
    const server = `const server = app.listen(0);
      const { port } = server.address() as { port: number };`;
    const wanted = /GET.*\/orders\?page=2.* 404 /;
    const output = await runUntil(`${code}\n${server}\n${requests}`, wanted, { NO_COLOR: '1' });
    expect(output).toMatch(/GET \/webhooks\/novita\?token=\[redacted\] 404 /);
    expect(output).not.toContain('abc');
  },
  TIMEOUT_MS,
);

test(
  'packages/core/README.md: the example prints a reply',
  async () => {
    const [code = ''] = await codeBlocks('packages/core/README.md');
    const output = await runUntil(code, /^401 .*unauthorized/ms, { NOVITA_WEBHOOK_SECRET: secret });
    expect(output).toContain('application/problem+json');
  },
  TIMEOUT_MS,
);

test.each([0, 1, 2, 3, 4])(
  'packages/testing/README.md: the example %i passes in node:test',
  async (index) => {
    const code = (await codeBlocks('packages/testing/README.md'))[index] ?? '';
    const output = await runUntil(code, /^# duration_ms/m, {});
    expect(output).toMatch(/^# pass [1-9]/m);
    expect(output).toMatch(/^# fail 0$/m);
  },
  TIMEOUT_MS,
);

test(
  'packages/inbox-sqlite/README.md: the examples store an event and write once to the file',
  async () => {
    const [, transaction = ''] = await codeBlocks('packages/inbox-sqlite/README.md');
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
    const code = [before, transaction, after].join('\n');
    const output = await runUntil(code, /^pictures .*$/m, { NOVITA_WEBHOOK_SECRET: secret });
    expect(output).toMatch(/^pictures \[\{"file":"picture of \S+"\}\]$/m);
  },
  TIMEOUT_MS,
);

const server = await findPostgres('the README examples with PostgreSQL');

describe.skipIf(server === undefined)('with PostgreSQL', () => {
  const README = 'packages/inbox-postgres/README.md';

  /** The examples use the default schema, so each test creates a database. */
  async function withDatabase(work: (url: string) => Promise<void>): Promise<void> {
    const { url, remove } = await temporaryDatabase(server ?? '');
    await work(url).finally(remove);
  }

  test('README.md: the worker handles an event of a web process', { timeout: TIMEOUT_MS }, () =>
    withDatabase(async (url) => {
      const [, code = ''] = await codeBlocks('README.md');
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

  test(
    'packages/inbox-postgres/README.md: the transaction of a handler writes once',
    { timeout: TIMEOUT_MS },
    () =>
      withDatabase(async (url) => {
        const [, transaction = ''] = await codeBlocks(README);
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
        const all = [before, transaction, after].join('\n');
        const output = await runUntil(all, /^pictures .*$/m, env);
        expect(output).toMatch(/^pictures \[\{"file":"picture of \S+"\}\]$/m);
      }),
  );

  test(
    'packages/inbox-postgres/README.md: the pool of postgres.js works',
    { timeout: TIMEOUT_MS },
    () =>
      withDatabase(async (url) => {
        const [own = ''] = await codeBlocks(README, 'js');
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
  'packages/inbox-bullmq/README.md: the example accepts an event and handles it',
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
  TIMEOUT_MS,
);
