import type { Receiver } from '@novita-webhooks/core';
import { novitaWebhooks, type NovitaWebhooks } from '@novita-webhooks/express';
import express, { type RequestHandler } from 'express';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, expectTypeOf, test } from 'vitest';

const require = createRequire(import.meta.url);

// What counts here is that it compiles: `tsc --noEmit` is what these tests can fail.

test('it fits where Express takes a handler', () => {
  expectTypeOf<NovitaWebhooks>().toExtend<RequestHandler>();
  const middleware = novitaWebhooks({ insecure: true });
  express().post('/hooks', middleware).use('/hooks', middleware);
  express.Router().all('/hooks', express.json(), middleware);
  expectTypeOf(middleware.receiver).toEqualTypeOf<Receiver>();
  expectTypeOf(novitaWebhooks).toBeCallableWith({} as Receiver);
  expectTypeOf(novitaWebhooks).toBeCallableWith({} as Receiver<{ readonly sql: string }>);
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
  // @ts-expect-error: no such option
  expect(() => novitaWebhooks({ insecure: true, path: '/hooks' })).toThrow();
});

test('all of this holds with the types of Express 4', () => {
  const folder = dirname(require.resolve('express-4-types/package.json'));
  expect(problemsWith('express', folder)).toEqual([]);
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
