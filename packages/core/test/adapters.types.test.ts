import {
  toFetchHandler,
  toLambdaHandler,
  type FetchHandler,
  type LambdaHandler,
  type Receiver,
} from '@novita-webhooks/core';
import { toNodeHandler, type NodeHandler } from '@novita-webhooks/core/node';
import type {
  ALBEvent,
  ALBResult,
  APIGatewayProxyEvent,
  APIGatewayProxyEventV2,
  APIGatewayProxyHandler,
  APIGatewayProxyResult,
  APIGatewayProxyStructuredResultV2,
  LambdaFunctionURLEvent,
} from 'aws-lambda';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { expect, expectTypeOf, test } from 'vitest';

// Type tests: `tsc --noEmit` fails if one of them is wrong.

type Expiry = Date | null | undefined;

test('adapters: infer the arguments of handlers in inline options', () => {
  toFetchHandler({
    insecure: true,
    onTaskSucceeded: ({ images }) => expectTypeOf(images[0]?.expires_at).toEqualTypeOf<Expiry>(),
  });
  toLambdaHandler({
    insecure: true,
    onTaskSucceeded: ({ images }) => expectTypeOf(images[0]?.expires_at).toEqualTypeOf<Expiry>(),
  });
  const handler = toNodeHandler({
    insecure: true,
    onTaskSucceeded({ images }, { signal, attempt }) {
      expectTypeOf(images[0]?.expires_at).toEqualTypeOf<Expiry>();
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
      expectTypeOf(attempt).toEqualTypeOf<number>();
    },
    onTaskFailed: ({ task }) => expectTypeOf(task.task_id).toEqualTypeOf<string>(),
  });
  expect(handler).toBeTypeOf('function');
});

test('adapters: reject invalid options at compile time', () => {
  // @ts-expect-error: a number is no secret
  expect(() => toFetchHandler({ secret: 1 })).toThrow();
  // @ts-expect-error: no such option
  expect(() => toLambdaHandler({ insecure: true, secrets: [] })).toThrow();
  // @ts-expect-error: neither a receiver nor options
  expect(() => toNodeHandler('secret')).toThrow();
});

test('adapters: accept a receiver', () => {
  expectTypeOf(toFetchHandler).toBeCallableWith({} as Receiver);
  expectTypeOf(toLambdaHandler).toBeCallableWith({} as Receiver);
  expectTypeOf(toNodeHandler).toBeCallableWith({} as Receiver);
});

test('toFetchHandler: accepts a function that returns a receiver, and no other function', () => {
  expectTypeOf(toFetchHandler).toBeCallableWith(() => ({}) as Receiver);
  // @ts-expect-error: a function that returns text
  toFetchHandler(() => 'secret');
});

test('toNodeHandler: accepts the request and response types of Node', () => {
  expectTypeOf<IncomingMessage>().toExtend<Parameters<NodeHandler>[0]>();
  expectTypeOf<ServerResponse>().toExtend<Parameters<NodeHandler>[1]>();
  expectTypeOf<Http2ServerRequest>().toExtend<Parameters<NodeHandler>[0]>();
  expectTypeOf<Http2ServerResponse>().toExtend<Parameters<NodeHandler>[1]>();
  expectTypeOf<NodeHandler>().toExtend<(...given: Parameters<RequestListener>) => unknown>();
});

test('toFetchHandler: accepts Request and an ExecutionContext', () => {
  expectTypeOf<FetchHandler>().toExtend<(request: Request) => Promise<Response>>();
  interface ExecutionContext {
    waitUntil(promise: Promise<unknown>): void;
    passThroughOnException(): void;
  }
  expectTypeOf<FetchHandler>().toExtend<
    (request: Request, context: ExecutionContext) => Promise<Response>
  >();
});

test('toLambdaHandler: fits the event and result types of aws-lambda', () => {
  expectTypeOf<APIGatewayProxyEvent>().toExtend<Parameters<LambdaHandler>[0]>();
  expectTypeOf<APIGatewayProxyEventV2>().toExtend<Parameters<LambdaHandler>[0]>();
  expectTypeOf<LambdaFunctionURLEvent>().toExtend<Parameters<LambdaHandler>[0]>();
  expectTypeOf<ALBEvent>().toExtend<Parameters<LambdaHandler>[0]>();
  type Result = Awaited<ReturnType<LambdaHandler>>;
  expectTypeOf<Result>().toExtend<APIGatewayProxyResult>();
  expectTypeOf<Result>().toExtend<APIGatewayProxyStructuredResultV2>();
  expectTypeOf<Result>().toExtend<ALBResult>();
  expectTypeOf<LambdaHandler>().toExtend<APIGatewayProxyHandler>();
});
