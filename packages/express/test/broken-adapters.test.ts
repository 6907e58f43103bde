import { toReceiver, type Receiver } from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import { adapterContract } from '@novita-webhooks/testing';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { describe, expect, test } from 'vitest';

import { expressSubject, type Adapter } from './express-server.ts';

/** Reads the stream itself, parsed or not, as the most used library of this kind does. */
const waitsForAConsumedStream: Adapter = (target) => {
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

/** Takes the whole body before the core can say a word. */
const dropsTheBodyLimit: Adapter = (target) => {
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

describe('the adapter contract finds out', () => {
  test('an adapter that waits for a consumed stream', async () => {
    const failures = await failuresOf(
      waitsForAConsumedStream,
      /after a parser \(json\)|did not keep/,
    );
    expect(failures).toEqual([
      expect.stringContaining('after a parser (json)'),
      expect.stringContaining('a body that somebody read and did not keep'),
    ]);
  }, 20_000);

  test('an adapter that drops the body limit', async () => {
    const failures = await failuresOf(dropsTheBodyLimit, /too large|one over it/);
    expect(failures).toContain('a body that turns out too large: 413 without waiting for its end');
    expect(failures).toContain('a body within the limit by one byte is taken, one over it is not');
  }, 20_000);

  test('an adapter that calls next() after a reply', async () => {
    const failures = await failuresOf(callsNextAfterTheReply, /last word|methods other/);
    expect(failures).toHaveLength(2);
  });
});

/** Which of the cases an adapter fails. */
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
