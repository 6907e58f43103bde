import type { Receiver } from '@novita-webhooks/core';
import { novitaWebhooks, type NovitaWebhooks } from '@novita-webhooks/express';
import express, { type RequestHandler } from 'express';
import type { RequestHandler as RequestHandler4, Router as Router4 } from 'express-4-types';
import { expect, expectTypeOf, test } from 'vitest';

// What counts here is that it compiles: `tsc --noEmit` is what these tests can fail.

test('it fits where Express takes a handler, in both majors', () => {
  expectTypeOf<NovitaWebhooks>().toExtend<RequestHandler>();
  expectTypeOf<NovitaWebhooks>().toExtend<RequestHandler4>();
  expectTypeOf<Router4['post']>().toBeCallableWith('/hooks', {} as NovitaWebhooks);
  const middleware = novitaWebhooks({ insecure: true });
  express().post('/hooks', middleware).use('/hooks', middleware);
  express.Router().all('/hooks', express.json(), middleware);
  expectTypeOf(middleware.receiver).toEqualTypeOf<Receiver>();
  expectTypeOf(novitaWebhooks).toBeCallableWith({} as Receiver);
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
