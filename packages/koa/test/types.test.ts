import Router from '@koa/router';
import type { Receiver } from '@novita-webhooks/core';
import { novitaWebhooks, type NovitaWebhooks } from '@novita-webhooks/koa';
import Koa, { type Middleware } from 'koa';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, expectTypeOf, test } from 'vitest';

const require = createRequire(import.meta.url);

// What counts here is that it compiles: `tsc --noEmit` is what these tests can fail.

test('it fits where Koa takes middleware and on a router', () => {
  expectTypeOf<NovitaWebhooks>().toExtend<Middleware>();
  const middleware = novitaWebhooks({ insecure: true }, { path: '/hooks' });
  new Koa().use(middleware);
  new Router().post('/hooks', middleware).use(middleware);
  expectTypeOf(middleware.receiver).toEqualTypeOf<Receiver>();
  expectTypeOf(novitaWebhooks).toBeCallableWith({} as Receiver, { path: '/hooks' });
  expectTypeOf(novitaWebhooks).toBeCallableWith({} as Receiver<{ readonly sql: string }>, {
    path: '/hooks',
  });
});

test('inline options infer what handlers get', () => {
  const middleware = novitaWebhooks({
    insecure: true,
    onTaskSucceeded: ({ images }) =>
      expectTypeOf(images[0]?.expires_at).toEqualTypeOf<Date | null | undefined>(),
  });
  expect(middleware).toBeTypeOf('function');
});

test('options that are none do not compile', () => {
  // @ts-expect-error: where it is mounted is not an option of the receiver
  expect(() => novitaWebhooks({ insecure: true, path: '/hooks' })).toThrow();
});

test('all of this holds with the types of Koa 2', () => {
  const folder = dirname(require.resolve('koa-2-types/package.json'));
  expect(problemsWith('koa', folder)).toEqual([]);
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
