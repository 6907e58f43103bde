import Router from '@koa/router';
import type { Receiver } from '@novita-webhooks/core';
import { novitaWebhooks, type NovitaWebhooks } from '@novita-webhooks/koa';
import Koa, { type Middleware } from 'koa';
import type { Middleware as Middleware2 } from 'koa-2-types';
import { expect, expectTypeOf, test } from 'vitest';

// What counts here is that it compiles: `tsc --noEmit` is what these tests can fail.

test('it fits where Koa takes middleware, in both majors, and on a router', () => {
  expectTypeOf<NovitaWebhooks>().toExtend<Middleware>();
  expectTypeOf<NovitaWebhooks>().toExtend<Middleware2>();
  const middleware = novitaWebhooks({ insecure: true }, { path: '/hooks' });
  new Koa().use(middleware);
  new Router().post('/hooks', middleware).use(middleware);
  expectTypeOf(middleware.receiver).toEqualTypeOf<Receiver>();
  expectTypeOf(novitaWebhooks).toBeCallableWith({} as Receiver, { path: '/hooks' });
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
