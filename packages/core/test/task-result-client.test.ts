import {
  createTaskResultClient,
  type TaskResultClient,
  type TaskResultClientOptions,
} from '@novita-webhooks/core';
import { createSimulator, type Simulator } from '@novita-webhooks/simulator';
import { createManualClock, sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';

import { createGauge, deferred, SAMPLE_TASK, track } from './helpers.ts';

const KEY = 'sk_canary-0123456789-canary';
/** A text that was cut may end with it. */
const KEY_START = 'sk_c';
const { payload } = sampleEvents.imageSucceeded();
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function simulate(options = {}): Promise<Simulator> {
  const simulator = await createSimulator(options);
  closers.push(() => simulator.close());
  return simulator;
}

type Changes = Partial<TaskResultClientOptions>;

/** A client that does not wait between requests. */
function connect(baseUrl: string, changes: Changes = {}): TaskResultClient {
  const retry = { maxAttempts: 3, delay: () => 0, ...changes.retry };
  return createTaskResultClient({
    ...{ apiKey: KEY, baseUrl, requestsPerSecond: 10_000 },
    ...changes,
    retry,
  });
}

function json(response: ServerResponse, value: unknown, status = 200, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

/** What the promise rejects with. No part of it may show the key. */
async function errorOf(work: Promise<unknown>): Promise<{ code?: string; message: string }> {
  const thrown: unknown = await work.then(
    () => expect.unreachable('no error'),
    (error: unknown) => error,
  );
  const shown = inspect(thrown, { depth: 20, showHidden: true, getters: true });
  expect(shown + String((thrown as Error).stack)).not.toContain(KEY_START);
  return thrown as { code?: string; message: string };
}

const codeOf = async (work: Promise<unknown>) => (await errorOf(work)).code;

/** A server that gives each of these answers once, the last one from then on. */
async function answering(...answers: ((response: ServerResponse) => void)[]) {
  let requests = 0;
  const url = await listen((_request, response) => {
    answers[Math.min(requests, answers.length - 1)]?.(response);
    requests += 1;
  });
  return { url, requests: () => requests };
}

const failing =
  (status: number, reason: string, headers = {}) =>
  (response: ServerResponse) =>
    json(response, { code: status, reason, message: `the key is ${KEY}` }, status, headers);
const succeeding = (response: ServerResponse) => json(response, payload);

describe('createTaskResultClient: simulator', () => {
  test('gets the result of a task through the schema of events', async () => {
    const simulator = await simulate({ apiKey: KEY });
    const { task_id } = await simulator.submit('txt2img');
    await simulator.idle();
    const result = await connect(simulator.url).get(task_id);
    expect(result.task).toMatchObject({ task_id, status: 'TASK_STATUS_SUCCEED' });
    expect(result.images[0]?.expires_at).toBeInstanceOf(Date);
    expect(result.videos).toEqual([]);
  });

  test('gets a failed task and a running task as results', async () => {
    const simulator = await simulate({ apiKey: KEY });
    const failed = await simulator.submit('txt2img', {}, { status: 'TASK_STATUS_FAILED' });
    await simulator.idle();
    const running = await simulator.submit('kling-v3.0-std-t2v', {}, { taskMs: 60_000 });
    const client = connect(simulator.url);
    expect((await client.get(failed.task_id)).task.status).toBe('TASK_STATUS_FAILED');
    expect((await client.get(running.task_id)).task.status).toMatch(/QUEUED|PROCESSING/);
  });

  test('gets the payload as the API sent it', async () => {
    const simulator = await simulate();
    const { task_id } = await simulator.submit('txt2img');
    await simulator.idle();
    const got = await connect(simulator.url).getPayload(task_id);
    expect(got).toMatchObject({ task: { task_id }, images: [{ image_url_ttl: '3600' }] });
  });

  test.each([KEY, ` ${KEY} `, `Bearer ${KEY}`, `bearer  ${KEY}\n`])(
    'accepts the key as %j',
    async (apiKey) => {
      const simulator = await simulate({ apiKey: KEY });
      expect(await codeOf(connect(simulator.url, { apiKey }).get('unknown'))).toBe(
        'task_not_found',
      );
    },
  );

  test('rejects with task_not_found and api_key_rejected', async () => {
    const simulator = await simulate({ apiKey: 'another key' });
    expect(await codeOf(connect(simulator.url).get('unknown'))).toBe('api_key_rejected');
    const open = await simulate();
    expect(await codeOf(connect(open.url).get('unknown'))).toBe('task_not_found');
  });

  test.each(['', '/', '//'])('accepts a base URL that ends with %j', async (end) => {
    const simulator = await simulate();
    expect(await codeOf(connect(simulator.url + end).get('unknown'))).toBe('task_not_found');
    expect(await codeOf(connect(`${simulator.url}/nowhere${end}`).get('unknown'))).toBe(
      'api_unavailable',
    );
  });
});

describe('createTaskResultClient: request', () => {
  test('is a GET below the base URL with the key and the encoded task id', async () => {
    const seen: unknown[] = [];
    const url = await listen((request, response) => {
      seen.push(request.method, request.url, request.headers.authorization);
      succeeding(response);
    });
    await errorOf(connect(`${url}/proxy/`).get('../a&b=c#d?é'));
    const id = '..%2Fa%26b%3Dc%23d%3F%C3%A9';
    expect(seen).toEqual(['GET', `/proxy/v3/async/task-result?task_id=${id}`, `Bearer ${KEY}`]);
  });

  test.each(['', 'a'.repeat(257), 'a\nb', '\u202e', `nwt1.a.b.c`, 42, undefined])(
    'is not sent for the task id %j',
    async (id) => {
      const { url, requests } = await answering(succeeding);
      expect(await codeOf(connect(url).get(id as string))).toBe('invalid_argument');
      expect(requests()).toBe(0);
    },
  );

  test('is not sent with options that make no sense', async () => {
    const { url, requests } = await answering(succeeding);
    const client = connect(url);
    for (const options of [{ signals: 1 }, { signal: 1 }, new AbortController().signal, 1]) {
      expect(await codeOf(client.get('a', options as never))).toBe('invalid_argument');
    }
    expect(requests()).toBe(0);
  });
});

describe('createTaskResultClient: answers', () => {
  test.each<[string, string, number, string]>([
    ['task_not_found', 'TASK_NOT_FOUND', 404, 'task_not_found'],
    ['another 404', 'NOT_FOUND', 404, 'api_unavailable'],
    ['a missing key', 'MISSING_API_KEY', 400, 'api_key_rejected'],
    ['another 400', 'INVALID_REQUEST', 400, 'api_unavailable'],
    ['a 401', '', 401, 'api_key_rejected'],
    ['a 403', 'INVALID_API_KEY', 403, 'api_key_rejected'],
  ])('are not asked for again after %s', async (_name, reason, status, code) => {
    const { url, requests } = await answering(failing(status, reason));
    expect(await errorOf(connect(url).get(SAMPLE_TASK))).toMatchObject({
      code,
      message: expect.stringContaining(`answered ${status}${reason && ` ${reason}`}.`) as string,
    });
    expect(requests()).toBe(1);
  });

  test.each<[number, string, string]>([
    [429, 'RATE_LIMIT_EXCEEDED', 'api_rate_limited'],
    [500, 'GET_RESULT_FAILED', 'api_unavailable'],
    [503, '', 'api_unavailable'],
    [408, '', 'api_unavailable'],
  ])('are asked for again after %i', async (status, reason, code) => {
    const down = await answering(failing(status, reason));
    expect(await codeOf(connect(down.url).get(SAMPLE_TASK))).toBe(code);
    expect(down.requests()).toBe(3);
    const back = await answering(failing(status, reason), succeeding);
    expect((await connect(back.url).get(SAMPLE_TASK)).task.task_id).toBe(SAMPLE_TASK);
  });

  test('are asked for again after an HTML page of a proxy', async () => {
    const page = (response: ServerResponse) =>
      response.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad Gateway</html>');
    const { url, requests } = await answering(page);
    const { code, message } = await errorOf(connect(url).get(SAMPLE_TASK));
    expect([code, requests()]).toEqual(['api_unavailable', 3]);
    const { host } = new URL(url);
    expect(message).toBe(
      `task-results: the Task Result API at ${host} answered 502. Try again later.`,
    );
  });

  test('are asked for again after a broken connection, whose reason is the cause', async () => {
    const { url, requests } = await answering((response) => response.destroy());
    const error = await errorOf(connect(url).get(SAMPLE_TASK));
    expect([error.code, requests()]).toEqual(['api_unavailable', 3]);
    expect(inspect(error)).toContain('UND_ERR_SOCKET');
  });

  test.each<[string, string | Uint8Array]>([
    ['HTML', '<html>hello</html>'],
    ['nothing', ''],
    ['a list', '[]'],
    ['invalid UTF-8', new Uint8Array([0xff, 0xfe, 0x7b, 0x7d])],
    ['poisoned keys', JSON.stringify(payload).replace('{', '{"__proto__":{},')],
    ['no task id', '{"task":{}}'],
    ['another task', JSON.stringify(sampleEvents.failed({ taskId: 'other' }).payload)],
    ['an envelope', JSON.stringify(sampleEvents.imageSucceeded())],
  ])('with %s are invalid_result', async (_name, body) => {
    const { url, requests } = await answering((response) => response.end(body));
    expect(await codeOf(connect(url).getPayload(SAMPLE_TASK))).toBe('invalid_result');
    expect(requests()).toBe(1);
  });

  test('that do not fit the schema are invalid_result for get only', async () => {
    const { url } = await answering((response) =>
      json(response, sampleEvents.schemaError().payload),
    );
    expect(await codeOf(connect(url).get(SAMPLE_TASK))).toBe('invalid_result');
    expect(await connect(url).getPayload(SAMPLE_TASK)).toHaveProperty('task.task_id', SAMPLE_TASK);
  });

  test('with 204 are no result', async () => {
    const { url } = await answering((response) => response.writeHead(204).end());
    expect(await codeOf(connect(url).get(SAMPLE_TASK))).toBe('api_unavailable');
  });

  test('with a token in the callback URL are redacted by get', async () => {
    const token = `nwt1.${'a'.repeat(8)}.b.c`;
    const extra = { webhook: { url: `https://a.example/?token=${token}` } };
    const { url } = await answering((response) => json(response, { ...payload, extra }));
    expect(JSON.stringify(await connect(url).get(SAMPLE_TASK))).not.toContain('nwt1');
  });
});

describe('createTaskResultClient: limits', () => {
  test('a redirect is not followed, also if fetch of the caller does', async () => {
    const other = await answering(succeeding);
    const { url, requests } = await answering((response) =>
      response.writeHead(302, { location: `${other.url}/stolen` }).end(),
    );
    expect(await codeOf(connect(url).get(SAMPLE_TASK))).toBe('api_unavailable');
    expect([requests(), other.requests()]).toEqual([1, 0]);
    const following: TaskResultClientOptions['fetch'] = (to) => fetch(to);
    expect(await codeOf(connect(url, { fetch: following }).get(SAMPLE_TASK))).toBe(
      'api_unavailable',
    );
  });

  test('an endless body is cut off at maxBodyBytes', async () => {
    const closed = deferred();
    let sent = 0;
    const { url, requests } = await answering((response) => {
      const chunk = Buffer.alloc(16 * 1024, 0x20);
      const send = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
      };
      response.on('drain', send).on('close', () => closed.resolve());
      send();
    });
    const client = connect(url, { maxBodyBytes: 100_000 });
    expect(await codeOf(client.get(SAMPLE_TASK))).toBe('invalid_result');
    await closed.promise;
    expect(requests()).toBe(1);
    expect(sent).toBeLessThan(50_000_000);
  });

  test('a body that grows when it is decompressed is cut off', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000, 0x20));
    const { url } = await answering((response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    );
    const { code, message } = await errorOf(connect(url).get(SAMPLE_TASK));
    expect([code, message]).toEqual([
      'invalid_result',
      expect.stringContaining('over 1048576 bytes'),
    ]);
  });

  test('a declared length over maxBodyBytes is not read', async () => {
    const { url } = await answering((response) => {
      response.writeHead(200, { 'content-length': '2000000' });
      response.write('{');
    });
    expect(await codeOf(connect(url).get(SAMPLE_TASK))).toBe('invalid_result');
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ['never answers', () => undefined],
    ['never ends its body', (response) => void response.writeHead(200).write('{')],
    [
      'drips its body',
      (response) => {
        const timer = setInterval(() => response.write(' '), 5);
        response.on('close', () => clearInterval(timer));
      },
    ],
    ['never ends the body of an error', (response) => void response.writeHead(500).write('{')],
  ])('a server that %s is given up after timeoutMs', async (_name, answer) => {
    const { url, requests } = await answering(answer);
    const { code, message } = await errorOf(connect(url, { timeoutMs: 100 }).get(SAMPLE_TASK));
    expect([code, requests()]).toEqual(['api_unavailable', 3]);
    expect(message).toContain('did not answer in 100 ms');
  });

  test('a fetch that ignores its signal is given up after timeoutMs', async () => {
    const options = { timeoutMs: 20, fetch: () => new Promise<never>(() => undefined) };
    expect(await codeOf(connect('http://127.0.0.1:1', options).get('a'))).toBe('api_unavailable');
  });
});

describe('createTaskResultClient: retries', () => {
  test.each<[string, string, number]>([
    ['seconds', '7', 7000],
    ['a date', new Date(Date.UTC(2026, 2, 1, 10, 15, 9)).toUTCString(), 9000],
    ['a date that has passed', new Date(0).toUTCString(), 0],
    ['an hour, which is cut to 30 s', '3600', 30_000],
    ['no time, so that the delay is used', 'soon', 123],
  ])('wait for Retry-After: %s', async (_name, header, ms) => {
    const clock = createManualClock();
    const { fetch, calls } = answers(() => reply(503, { 'retry-after': header }), succeed);
    const client = connect('https://api.example', { clock, fetch, retry: { delay: () => 123 } });
    const result = track(client.get(SAMPLE_TASK));
    await clock.flush();
    if (ms > 0) {
      await clock.advance(ms - 1);
      expect(calls()).toBe(1);
      await clock.advance(1);
    }
    await clock.advance(1); // the rate allows one request in 0.1 ms
    expect([calls(), result.value?.task.task_id]).toEqual([2, SAMPLE_TASK]);
  });

  test('pause every request of the client while Retry-After lasts', async () => {
    const clock = createManualClock();
    const { fetch, calls } = answers(() => reply(429, { 'retry-after': '5' }), succeed);
    const client = connect('https://api.example', { clock, fetch, retry: { maxAttempts: 1 } });
    expect(await codeOf(client.get(SAMPLE_TASK))).toBe('api_rate_limited');
    const next = track(client.get(SAMPLE_TASK));
    await clock.advance(4999);
    expect(calls()).toBe(1);
    await clock.advance(1);
    expect([calls(), next.settled]).toEqual([2, true]);
  });

  test('wait ever longer by default, at random', async () => {
    const delays: number[] = [];
    let now = 0;
    const clock = {
      now: () => now,
      after(ms: number, callback: () => void) {
        if (ms === 10_000) return () => undefined; // the timeout of a request
        delays.push(ms);
        now += ms;
        queueMicrotask(callback);
        return () => undefined;
      },
    };
    const { fetch, calls } = answers(() => reply(500));
    const random = Math.random;
    Math.random = () => 0.5;
    try {
      const client = createTaskResultClient({
        ...{ apiKey: KEY, clock, fetch, requestsPerSecond: 1000 },
      });
      await errorOf(client.get(SAMPLE_TASK));
    } finally {
      Math.random = random;
    }
    expect(calls()).toBe(4);
    expect(delays).toEqual([250, 500, 1000]);
  });

  test('reject a delay that makes no sense', async () => {
    const { fetch } = answers(() => reply(500));
    const retry = { delay: () => Number.NaN };
    expect(await codeOf(connect('https://api.example', { fetch, retry }).get('a'))).toBe(
      'invalid_option',
    );
  });
});

/** A `fetch` that gives each of these answers once, the last one from then on. */
function answers(...replies: (() => Response)[]) {
  let calls = 0;
  const fetch: TaskResultClientOptions['fetch'] = async () => {
    calls += 1;
    const next = replies[Math.min(calls, replies.length) - 1];
    return next?.() ?? new Response();
  };
  return { fetch, calls: () => calls };
}

const reply = (status: number, headers: Record<string, string> = {}) =>
  new Response('', { status, headers });
const succeed = () => new Response(JSON.stringify(payload));

describe('createTaskResultClient: concurrency and rate', () => {
  test('starts at most requestsPerSecond requests in a second, evenly', async () => {
    const clock = createManualClock();
    const { fetch, calls } = answers(succeed);
    const options = { clock, fetch, requestsPerSecond: 4, concurrency: 100 };
    const client = connect('https://api.example', options);
    const all = Promise.all(Array.from({ length: 6 }, () => client.get(SAMPLE_TASK)));
    const counted: number[] = [];
    for (let step = 0; step < 6; step += 1) {
      await clock.flush();
      counted.push(calls());
      await clock.advance(250);
    }
    expect(counted).toEqual([1, 2, 3, 4, 5, 6]);
    await all;
  });

  test('sends at most `concurrency` requests at the same time', async () => {
    const gauge = createGauge();
    const held = deferred();
    const fetch = async () => {
      await gauge.count(() => held.promise)();
      return succeed();
    };
    const clock = createManualClock();
    const client = connect('https://api.example', { clock, fetch, concurrency: 2 });
    const all = Promise.all(Array.from({ length: 5 }, () => client.get(SAMPLE_TASK)));
    await clock.advance(1000);
    expect([gauge.running(), gauge.runs()]).toEqual([2, 2]);
    held.resolve();
    for (let step = 0; step < 5; step += 1) await clock.advance(1);
    await all;
    expect([gauge.most(), gauge.runs()]).toEqual([2, 5]);
  });

  test('a request that is aborted while it waits uses no turn and no place', async () => {
    const clock = createManualClock();
    const { fetch, calls } = answers(succeed);
    const options = { clock, fetch, requestsPerSecond: 1, concurrency: 4 };
    const client = connect('https://api.example', options);
    await client.get(SAMPLE_TASK);
    const waiting = track(client.get(SAMPLE_TASK));
    const controllers = Array.from({ length: 5 }, () => new AbortController());
    const aborted = controllers.map(({ signal }) => client.get(SAMPLE_TASK, { signal }));
    await clock.flush();
    const reason = new Error('enough');
    for (const controller of controllers) controller.abort(reason);
    for (const one of aborted) await expect(one).rejects.toBe(reason);
    await clock.advance(1000);
    expect([calls(), waiting.settled, clock.timers()]).toEqual([2, true, 0]);
  });

  test('an abort ends the request, and its wait for a retry, with the reason of the signal', async () => {
    const [arrived, closed] = [deferred(), deferred()];
    const { url } = await answering((response) => {
      arrived.resolve();
      response.on('close', () => closed.resolve());
    });
    const reason = new Error('closing');
    const controller = new AbortController();
    const running = connect(url).get(SAMPLE_TASK, { signal: controller.signal });
    void arrived.promise.then(() => controller.abort(reason));
    await expect(running).rejects.toBe(reason);
    await closed.promise;
    const clock = createManualClock();
    const { fetch } = answers(() => reply(500));
    const other = new AbortController();
    const options = { clock, fetch, retry: { delay: () => 60_000 } };
    const retrying = connect(url, options).get(SAMPLE_TASK, { signal: other.signal });
    await clock.flush();
    other.abort(reason);
    await expect(retrying).rejects.toBe(reason);
    expect(clock.timers()).toBe(0);
    const { signal } = other;
    await expect(connect(url).get(SAMPLE_TASK, { signal })).rejects.toBe(reason);
  });
});

describe('createTaskResultClient: key', () => {
  test('is in no error of a fetch that attaches its request', async () => {
    const fetch: TaskResultClientOptions['fetch'] = (url, init) => {
      const config = { config: init, [KEY]: KEY };
      const cause = Object.assign(new Error(`sent ${JSON.stringify(init)}`), config);
      return Promise.reject(Object.assign(new AggregateError([cause], url, { cause }), config));
    };
    const error = await errorOf(connect('https://api.example', { fetch }).get('a'));
    expect(error.code).toBe('api_unavailable');
    expect(inspect(error)).toContain('caused by Error: sent {');
  });

  test('is in no error, wherever the message of a fetch is cut', async () => {
    for (let length = 400; length <= 510; length += 1) {
      const message = `${'x '.repeat(length / 2)}${KEY.repeat(500)}`;
      const fetch = () => Promise.reject(new Error(message));
      await errorOf(connect('https://api.example', { fetch, retry: { maxAttempts: 1 } }).get('a'));
    }
  });

  test('is in no error of an option, and not visible in the client', async () => {
    const throwing: (() => unknown)[] = [
      () => connect(`http://user:${KEY}@127.0.0.1`),
      () => connect(`http://127.0.0.1?key=${KEY}`),
      () => connect('http://127.0.0.1', { apiKey: `${KEY} ${KEY}` }),
      () => connect('http://127.0.0.1', { apiKey: `${KEY}\r\nx: y` }),
      () => connect('http://127.0.0.1', { apiKey: [KEY] as never }),
      () => connect('http://127.0.0.1', { [KEY.slice(0, 2)]: KEY }),
    ];
    for (const create of throwing) {
      expect(await codeOf((async () => create())())).toBe('invalid_option');
    }
    expect(inspect(connect('http://127.0.0.1'), { depth: 9, showHidden: true })).not.toContain(
      'canary',
    );
  });

  test('that is echoed by the API as its reason is in no error', async () => {
    const { url } = await answering(failing(400, 'SK_CANARY'));
    const client = connect(url, { apiKey: 'SK_CANARY' });
    const { message } = await errorOf(client.get('a'));
    const { host } = new URL(url);
    expect(message).toBe(
      `task-results: the Task Result API at ${host} answered 400. Check baseUrl.`,
    );
  });
});

describe('createTaskResultClient: options', () => {
  test.each<[string, unknown]>([
    ['apiKey', { apiKey: undefined }],
    ['apiKey', { apiKey: '' }],
    ['apiKey', { apiKey: '  ' }],
    ['apiKey', { apiKey: 'Bearer ' }],
    ['baseUrl', { baseUrl: 'api.novita.ai' }],
    ['baseUrl', { baseUrl: 'ftp://api.novita.ai' }],
    ['baseUrl', { baseUrl: 'https://api.novita.ai?' }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['maxBodyBytes', { maxBodyBytes: 1.5 }],
    ['concurrency', { concurrency: 0 }],
    ['requestsPerSecond', { requestsPerSecond: -1 }],
    ['retry.maxAttempts', { retry: { maxAttempts: 0 } }],
    ['retry.delay', { retry: { delay: 5 } }],
    ['fetch', { fetch: 'fetch' }],
    ['clock', { clock: {} }],
    ['key is unknown', { key: 'x' }],
  ])('rejects %s: %j', (name, changes) => {
    const create = () => createTaskResultClient({ apiKey: KEY, ...(changes as Changes) });
    expect(create).toThrow(name);
    expect(create).toThrow(/^createTaskResultClient: /);
  });

  test.each([undefined, null, TEST_SECRET])('rejects %j instead of options', (options) => {
    expect(() => createTaskResultClient(options as never)).toThrow(
      'createTaskResultClient({ apiKey })',
    );
  });

  test('accepts a URL object, and asks api.novita.ai without a base URL', async () => {
    const urls: string[] = [];
    const fetch: TaskResultClientOptions['fetch'] = async (url) => {
      urls.push(url);
      return reply(404);
    };
    const baseUrl = new URL('https://api.example/path/');
    await errorOf(createTaskResultClient({ apiKey: KEY, fetch, baseUrl }).get('a'));
    await errorOf(createTaskResultClient({ apiKey: KEY, fetch }).get('a'));
    expect(urls).toEqual([
      'https://api.example/path/v3/async/task-result?task_id=a',
      'https://api.novita.ai/v3/async/task-result?task_id=a',
    ]);
  });
});
