import type { Receiver } from '@novita-webhooks/core';
import { novitaWebhooks, toFastifyHandler } from '@novita-webhooks/fastify';
import fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, expectTypeOf, test } from 'vitest';

const require = createRequire(import.meta.url);

// What counts here is that it compiles: `tsc --noEmit` is what these tests can fail.

test('it fits where Fastify takes plugins and handlers', async () => {
  const app: FastifyInstance = fastify();
  const receiver = {} as Receiver;
  expectTypeOf(novitaWebhooks).toExtend<FastifyPluginAsync<{ receiver: Receiver }>>();
  const register = () => app.register(novitaWebhooks, { receiver, path: '/a', prefix: '/b' });
  const route = () =>
    app
      .post('/a', toFastifyHandler(receiver))
      .post('/b', { onRequest: toFastifyHandler(receiver) }, () => undefined);
  const transactional = {} as Receiver<{ readonly sql: string }>;
  const others = () => app.register(novitaWebhooks, { receiver: transactional });
  expectTypeOf(toFastifyHandler).toBeCallableWith(transactional);
  expect([register, route, others]).toHaveLength(3);
});

test('inline options infer what handlers get', async () => {
  const app = fastify();
  await app.register(novitaWebhooks, {
    path: '/hooks',
    insecure: true,
    onTaskSucceeded: ({ images }) =>
      expectTypeOf(images[0]?.expires_at).toEqualTypeOf<Date | null | undefined>(),
  });
  await app.close();
});

test('options that are none do not compile', async () => {
  const app = fastify();
  // @ts-expect-error: no such option
  const plugin = app.register(novitaWebhooks, { insecure: true, paths: '/hooks' });
  await expect(plugin).rejects.toThrow();
  await app.close().catch(() => undefined);
});

test('all of this holds with the types of Fastify 4', () => {
  const folder = dirname(require.resolve('fastify-4/package.json'));
  expect(problemsWith('fastify', folder)).toEqual([]);
}, 60_000);

/** What `tsc` has to say of this file when the types of `framework` are those in `folder`. */
function problemsWith(framework: string, folder: string): string[] {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const paths = { ...options.paths, [framework]: [folder] };
  const program = ts.createProgram([fileURLToPath(import.meta.url)], { ...options, paths });
  // The folder has to be where the types came from, or this would prove nothing.
  const used = program.getSourceFiles().some(({ fileName }) => fileName.startsWith(folder));
  return [
    ...(used ? [] : [`${folder} is not used`]),
    ...ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
  ];
}
