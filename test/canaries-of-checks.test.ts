import {
  createReceiver,
  createTaskResultClient,
  memoryInbox,
  WebhookError,
  type Inbox,
  type Logger,
} from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { createManualClock, sampleEvents, signedDelivery } from '@novita-webhooks/testing';
import fc from 'fast-check';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test, vi } from 'vitest';

import { API_KEY, PASSWORD, PROMPT, SECRET, SIGNATURE } from './support/canaries.ts';
import { dump } from './support/dump.ts';

const LINK = `https://results.example.com/f.png?X-Amz-Signature=${SIGNATURE}`;
const DATABASE = `postgres://user:${PASSWORD}@db.example/app`;

const ANSWERS = ['echo', 'redirect', 'problem', 'break', 'proxy'] as const;
const plans = fc.record({
  answer: fc.constantFrom(...ANSWERS),
  status: fc.constantFrom(200, 301, 307, 401, 404, 500, 503),
  api: fc.constantFrom('echo', 'throws', 'rejects', 'result'),
  inbox: fc.constantFrom('none', 'throws', 'groups'),
  waits: fc.boolean(),
});
type Plan = typeof plans extends fc.Arbitrary<infer T> ? T : never;

let current: Plan;
const server = createServer((request, response) => answer(request, response, current)).listen(
  0,
  '127.0.0.1',
);
await once(server, 'listening');
afterAll(() => server.close().closeAllConnections());
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/novita`;

/** Says back what it got, as a debugging proxy or an error page does. */
function answer(
  { url: path = '', headers }: IncomingMessage,
  response: ServerResponse,
  plan: Plan,
) {
  const location = `https://user:${PASSWORD}@login.example${path}`;
  const said = { url: path, headers, detail: path, title: LINK, code: path, prompt: PROMPT };
  const text = JSON.stringify(said);
  if (plan.answer === 'break') response.destroy();
  else if (plan.answer === 'redirect') response.writeHead(plan.status, { location }).end(text);
  else if (plan.answer === 'problem') {
    const type = 'application/problem+json';
    response.writeHead(plan.status, { 'content-type': type, location }).end(text);
  } else if (plan.answer === 'proxy') {
    response.writeHead(plan.status, { server: path, via: text }).end(`<h1>${path} ${LINK}</h1>`);
  } else response.writeHead(plan.status).end(text);
}

function apiOf({ api }: Plan) {
  const echoed = (headers: unknown) => JSON.stringify({ reason: API_KEY, message: LINK, headers });
  return createTaskResultClient({
    ...{ apiKey: API_KEY, retry: { maxAttempts: 1 } },
    async fetch(_url, { headers }) {
      if (api === 'throws') throw new Error(`fetch failed: ${echoed(headers)}`);
      if (api === 'result') return Response.json({ task: { task_id: PROMPT }, link: LINK });
      return new Response(echoed(headers), { status: api === 'rejects' ? 401 : 500 });
    },
  });
}

function inboxOf({ inbox: fault }: Plan): Inbox {
  const inbox = memoryInbox();
  const fail = () => Promise.reject(new Error(`connect ${DATABASE} failed for ${LINK}`));
  return {
    ...inbox,
    stats: () => (fault === 'throws' ? fail() : inbox.stats()),
    groups: (query) => (fault === 'none' ? inbox.groups(query) : fail()),
  };
}

function expectNone(said: unknown, canaries: Readonly<Record<string, string>>): void {
  const text = dump(said);
  for (const [name, canary] of Object.entries(canaries)) {
    const at = text.indexOf(canary);
    expect(at, `${name}: ${text.slice(Math.max(0, at - 200), at + 100)}`).toBe(-1);
  }
}

const never = { SECRET, API_KEY, PASSWORD, SIGNATURE, PROMPT, token: 'nwt1.' };

test('check(): no finding repeats a secret, a token, a key, a password, a link or a prompt', async () => {
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      current = plan;
      const inbox = inboxOf(plan);
      const lines: unknown[] = [];
      const receiver = createReceiver({
        ...{ url, secret: SECRET, inbox, taskResults: apiOf(plan), confirm: true },
        logger: loggerTo(lines),
        onTaskFinished: () => undefined,
      });
      if (plan.waits) {
        await receiver.handle(await signedDelivery(receiver, sampleEvents.imageSucceeded()));
        const key = { endpoint: 'novita', limit: 1 };
        const isTaken = async () => (await inbox.list(key)).entries[0]?.state !== 'running';
        while (!(await isTaken())) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const found = await receiver.check({ timeoutMs: 2000 });
      expect(found.length).toBeGreaterThan(0);
      expectNone([found, lines, (await receiver.inbox.list()).entries], never);
      await receiver.close();
    }),
    { numRuns: 60, examples: ANSWERS.map((one) => [{ ...HARMFUL, answer: one }]) },
  );
}, 120_000);

const HARMFUL: Plan = { answer: 'echo', status: 301, api: 'echo', inbox: 'none', waits: true };

function loggerTo(lines: unknown[]): Logger {
  const at = (level: string) => (details: object, message: string) => {
    lines.push([level, details, message]);
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

test.each(ANSWERS)('the probe at the start logs nothing of them: the answer is %s', async (how) => {
  current = { ...HARMFUL, answer: how };
  vi.stubEnv('NODE_ENV', 'development');
  const lines: unknown[] = [];
  const clock = createManualClock();
  const receiver = createReceiver({
    ...{ url: `${url}/${how}`, secret: SECRET, clock, logger: loggerTo(lines) },
    onTaskFinished: () => undefined,
  });
  toNodeHandler(receiver);
  receiver.start();
  await clock.advance(2000);
  const codes = () => lines.filter((line) => dump(line).includes('url_'));
  await expect.poll(codes).not.toEqual([]);
  expectNone(lines, never);
  await receiver.close();
  vi.unstubAllEnvs();
});

test('the search finds a canary that is there', () => {
  const error = new WebhookError('inbox_unavailable', 'no', { cause: new Error(PASSWORD) });
  expect(() => expectNone({ error }, never)).toThrow(PASSWORD);
});
