import {
  createReceiver,
  type JsonObject,
  type Receiver,
  type StandardSchema,
} from '@novita-webhooks/core';
import { novitaWebhooks, type NovitaWebhooks } from '@novita-webhooks/express';
import express, { type RequestHandler } from 'express';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, expectTypeOf, test } from 'vitest';

import { typeErrorsWith } from '../../../test/support/type-errors.ts';

const require = createRequire(import.meta.url);

// These tests check types: `tsc --noEmit` fails if an assertion on a type is wrong.

test('novitaWebhooks returns a RequestHandler of Express', () => {
  expectTypeOf<NovitaWebhooks>().toExtend<RequestHandler>();
  const middleware = novitaWebhooks({ logger: false, insecure: true });
  express().post('/hooks', middleware).use('/hooks', middleware);
  express.Router().all('/hooks', express.json(), middleware);
  expectTypeOf(middleware.receiver).toEqualTypeOf<Receiver>();
  expectTypeOf(novitaWebhooks).toBeCallableWith({} as Receiver);
  expectTypeOf(novitaWebhooks).toBeCallableWith(
    {} as Receiver<JsonObject, { readonly sql: string }>,
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
  // @ts-expect-error: no such option
  expect(() => novitaWebhooks({ logger: false, insecure: true, path: '/hooks' })).toThrow();
});

test('these types also compile with the types of Express 4', () => {
  const folder = dirname(require.resolve('express-4-types/package.json'));
  expect(typeErrorsWith(fileURLToPath(import.meta.url), 'express', folder)).toEqual([]);
}, 180_000); // one run of the compiler, on a busy machine
