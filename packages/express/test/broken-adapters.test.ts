import { toReceiver, type Receiver } from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import { adapterContract } from '@novita-webhooks/testing';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { describe, expect, test } from 'vitest';

import { expressSubject, type Adapter } from './express-server.ts';

/** Always reads the request stream, also if a parser has consumed it: waits until a timeout. */
const readsConsumedStream: Adapter = (target) => {
  const receiver = started(target);
  return withoutErrors(async (request, response) => {
    const bytes = await new Promise<Buffer>((resolve) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => resolve(Buffer.concat(chunks)));
    });
    await answer(receiver, request, response, bytes);
  });
};

/** Reads the complete body before core can check its size. */
const readsWithoutBodyLimit: Adapter = (target) => {
  const receiver = started(target);
  return withoutErrors(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString());
    await answer(receiver, request, response, { parsed });
  });
};

const callsNextAfterTheReply: Adapter = (target) => {
  const receiver = started(target);
  return (request, response, next) => {
    handleNodeRequest(receiver, request, response).then(() => next(), next);
  };
};

describe('the adapter contract fails for', () => {
  test('an adapter that reads a consumed stream', async () => {
    const failures = await failuresOf(readsConsumedStream, /after a parser \(json\)|\(drain\)/);
    expect(failures).toEqual([
      'parsed body: after a parser (json), the event is handled',
      'parsed body: a discarded body (drain) gets 500, not 408, and the remedy',
    ]);
  }, 30_000);

  test('an adapter that reads the body without a limit', async () => {
    const failures = await failuresOf(readsWithoutBodyLimit, /^body limits/);
    expect(failures).toContain(
      'body limits: a chunked body over the limit gets 413 before its end',
    );
    expect(failures).toContain(
      'body limits: a body of the limit is accepted, one byte more gets 413',
    );
  }, 30_000);

  test('an adapter that calls next() after its reply', async () => {
    const failures = await failuresOf(callsNextAfterTheReply, /after a reply|methods other/);
    expect(failures).toHaveLength(2);
  });
});

/** Runs the cases whose name matches, and returns the names of those that fail. */
async function failuresOf(adapter: Adapter, cases: RegExp): Promise<string[]> {
  const subject = expressSubject(express, adapter);
  const wanted = adapterContract.filter(({ name }) => cases.test(name));
  const results = await Promise.all(
    wanted.map(({ name, run }) =>
      run(subject).then(
        () => [],
        () => [name],
      ),
    ),
  );
  return results.flat();
}

function started(target: Receiver): Receiver {
  const receiver = toReceiver(target);
  receiver.start();
  return receiver;
}

function withoutErrors(
  handle: (request: Request, response: Response) => Promise<void>,
): RequestHandler {
  return (request, response) => {
    handle(request, response).catch(() => response.destroy());
  };
}

async function answer(
  receiver: Receiver,
  request: Request,
  response: Response,
  body: Uint8Array | { readonly parsed: unknown },
): Promise<void> {
  const { method, url } = request;
  const reply = await receiver.handle({ method, url, headers: {}, body });
  response.writeHead(reply.status, { ...reply.headers, 'content-length': reply.body.length });
  response.end(reply.body);
}
