import Router from '@koa/router';
import {
  createReceiver,
  type JsonObject,
  type Receiver,
  type StandardSchema,
} from '@novita-webhooks/core';
import { novitaWebhooks, type NovitaWebhooks } from '@novita-webhooks/koa';
import Koa, { type Middleware } from 'koa';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, expectTypeOf, test } from 'vitest';

import { typeErrorsWith } from '../../../test/support/type-errors.ts';

const require = createRequire(import.meta.url);

// These tests check types: `tsc --noEmit` fails if an assertion on a type is wrong.

test('novitaWebhooks returns middleware for Koa and its router', () => {
  expectTypeOf<NovitaWebhooks>().toExtend<Middleware>();
  const middleware = novitaWebhooks({ logger: false, insecure: true }, { path: '/hooks' });
  new Koa().use(middleware);
  new Router().post('/hooks', middleware).use(middleware);
  expectTypeOf(middleware.receiver).toEqualTypeOf<Receiver>();
  expectTypeOf(novitaWebhooks).toBeCallableWith({} as Receiver, { path: '/hooks' });
  expectTypeOf(novitaWebhooks).toBeCallableWith(
    {} as Receiver<JsonObject, { readonly sql: string }>,
    {
      path: '/hooks',
    },
  );
});

test('novitaWebhooks infers the parameters of inline handlers', () => {
  const middleware = novitaWebhooks({
    logger: false,
    insecure: true,
    onTaskSucceeded: ({ images }) =>
      expectTypeOf(images[0]?.expires_at).toEqualTypeOf<Date | null | undefined>(),
  });
  expect(middleware).toBeTypeOf('function');
});

test('novitaWebhooks infers the metadata of handlers from its schema', () => {
  interface Order {
    readonly orderId: number;
  }
  const validate = (value: unknown) => ({ value: value as Order });
  const schema: StandardSchema<Order> = { '~standard': { version: 1, validate } };
  const middleware = novitaWebhooks({
    logger: false,
    insecure: true,
    metadata: schema,
    onTaskSucceeded: (_, { metadata }) => expectTypeOf(metadata).toEqualTypeOf<Order>(),
  });
  expectTypeOf(middleware.receiver).toEqualTypeOf<Receiver<Order>>();
  const receiver = createReceiver<Order>({ logger: false, insecure: true });
  expectTypeOf(novitaWebhooks(receiver).receiver).toEqualTypeOf<Receiver<Order>>();
});

test('novitaWebhooks rejects an unknown option at compile time and at run time', () => {
  // @ts-expect-error: `path` belongs to the second argument
  expect(() => novitaWebhooks({ logger: false, insecure: true, path: '/hooks' })).toThrow();
});

test('these types also compile with the types of Koa 2', () => {
  const folder = dirname(require.resolve('koa-2-types/package.json'));
  expect(typeErrorsWith(fileURLToPath(import.meta.url), 'koa', folder)).toEqual([]);
}, 180_000); // one run of the compiler, on a busy machine
