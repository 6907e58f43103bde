import { toLambdaHandler, type LambdaEvent, type LambdaResult } from '@novita-webhooks/core';
import { sampleEvents, signedDelivery, TEST_SECRET } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { deferred, setUp, track } from './helpers.ts';

type Headers = Readonly<Record<string, string>>;

interface Asked {
  readonly method?: string;
  /** The raw query string without the question mark. */
  readonly query?: string;
  readonly headers?: Headers;
  readonly body?: string | null;
  readonly isBase64Encoded?: boolean;
}

const DEFAULT_HEADERS: Headers = {
  Host: 'hooks.example.com',
  'Content-Type': 'application/json',
  'User-Agent': 'Go-http-client/1.1',
  'X-Forwarded-For': '203.0.113.7',
  'X-Forwarded-Port': '443',
  'X-Forwarded-Proto': 'https',
};

const lowerCase = (headers: Headers): Headers =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
const many = (pairs: Iterable<[string, string]>): Record<string, string[]> => {
  const values: Record<string, string[]> = {};
  for (const [name, value] of pairs) (values[name] ??= []).push(value);
  return values;
};
/** Splits at `&` and `=` and decodes nothing, as load balancers do. */
const undecoded = (query: string): [string, string][] =>
  query === ''
    ? []
    : query.split('&').map((pair) => {
        const [name = '', ...value] = pair.split('=');
        return [name, value.join('=')];
      });
const orNull = <T extends object>(value: T): T | null =>
  Object.keys(value).length === 0 ? null : value;

/** The documented events of the AWS services that call a Lambda function for an HTTP request. */
const sources: Record<string, (asked: Required<Asked>) => LambdaEvent> = {
  'API Gateway v1 (REST)': ({ method, query, headers, body, isBase64Encoded }) => {
    const decoded = [...new URLSearchParams(query)];
    const event = {
      resource: '/webhooks/novita',
      path: '/webhooks/novita',
      httpMethod: method,
      headers,
      multiValueHeaders: many(Object.entries(headers)),
      queryStringParameters: orNull(Object.fromEntries(decoded)),
      multiValueQueryStringParameters: orNull(many(decoded)),
      pathParameters: null,
      stageVariables: null,
      requestContext: {
        accountId: '123456789012',
        httpMethod: method,
        path: '/prod/webhooks/novita',
        protocol: 'HTTP/1.1',
        stage: 'prod',
        identity: { sourceIp: '203.0.113.7', userAgent: 'Go-http-client/1.1' },
      },
      body,
      isBase64Encoded,
    };
    return event;
  },
  'API Gateway v2 (HTTP)': ({ method, query, headers, body, isBase64Encoded }) => {
    const event = {
      version: '2.0',
      routeKey: 'POST /webhooks/novita',
      rawPath: '/webhooks/novita',
      rawQueryString: query,
      cookies: ['a=1'],
      headers: lowerCase(headers),
      ...(query === ''
        ? {}
        : {
            queryStringParameters: Object.fromEntries(
              Object.entries(many(new URLSearchParams(query))).map(([name, values]) => [
                name,
                values.join(','),
              ]),
            ),
          }),
      requestContext: {
        accountId: '123456789012',
        apiId: 'abcdefghij',
        http: {
          method,
          path: '/webhooks/novita',
          protocol: 'HTTP/1.1',
          sourceIp: '203.0.113.7',
          userAgent: 'Go-http-client/1.1',
        },
        stage: '$default',
        timeEpoch: 1_772_360_100_000,
      },
      ...(body === null ? {} : { body }),
      isBase64Encoded,
    };
    return event;
  },
  'a function URL': ({ method, query, headers, body, isBase64Encoded }) => {
    const event = {
      version: '2.0',
      routeKey: '$default',
      rawPath: '/',
      rawQueryString: query,
      headers: lowerCase(headers),
      requestContext: {
        accountId: 'anonymous',
        domainName: 'abcdefghij.lambda-url.eu-central-1.on.aws',
        http: { method, path: '/', protocol: 'HTTP/1.1', sourceIp: '203.0.113.7' },
        stage: '$default',
      },
      ...(body === null ? {} : { body }),
      isBase64Encoded,
    };
    return event;
  },
  'a load balancer': ({ method, query, headers, body, isBase64Encoded }) => {
    const event = {
      requestContext: {
        elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/a/1' },
      },
      httpMethod: method,
      path: '/webhooks/novita',
      queryStringParameters: Object.fromEntries(undecoded(query)),
      headers: lowerCase(headers),
      body: body ?? '',
      isBase64Encoded,
    };
    return event;
  },
  'a load balancer with multi-value headers': (asked) => {
    const { method, query, headers, body, isBase64Encoded } = asked;
    const event = {
      requestContext: {
        elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/a/1' },
      },
      httpMethod: method,
      path: '/webhooks/novita',
      multiValueQueryStringParameters: many(undecoded(query)),
      multiValueHeaders: many(Object.entries(lowerCase(headers))),
      body: body ?? '',
      isBase64Encoded,
    };
    return event;
  },
};

const sample = JSON.stringify(sampleEvents.imageSucceeded());
const codeOf = ({ statusCode, body }: LambdaResult) => {
  const { code, status } = JSON.parse(body) as { code?: string; status: unknown };
  return [statusCode, code ?? status];
};

describe.each(Object.entries(sources))('toLambdaHandler: event of %s', (source, toEvent) => {
  const event = (asked: Asked): LambdaEvent =>
    toEvent({
      method: 'POST',
      query: '',
      headers: DEFAULT_HEADERS,
      body: sample,
      isBase64Encoded: false,
      ...asked,
    });
  const open = (seen: unknown[] = []) =>
    toLambdaHandler({
      logger: false,
      insecure: true,
      onTaskFinished: ({ task }) => seen.push(task.task_id),
    });

  test('is accepted if its token is valid, and handled before the reply', async () => {
    const seen: unknown[] = [];
    const onTaskFinished = (_: unknown, { metadata }: { metadata: unknown }) => seen.push(metadata);
    const { receiver } = setUp({ onTaskFinished });
    const handler = toLambdaHandler(receiver);
    const metadata = { order: 'ü 42&=' };
    const { url } = await signedDelivery(receiver, {}, metadata);
    const query = `a=1&${new URL(url).search.slice(1)}&a=2&b=%C3%BC%26&empty=`;
    expect(codeOf(await handler(event({ query })))).toEqual([200, 'accepted']);
    expect(seen).toEqual([metadata]);
    expect(codeOf(await handler(event({ query })))).toEqual([200, 'duplicate']);
    expect(codeOf(await handler(event({})))).toEqual([401, 'unauthorized']);
  });

  test('is accepted if its token is percent-encoded', async () => {
    const { receiver } = setUp({ onTaskFinished: () => undefined });
    const { search } = new URL(await receiver.createCallbackUrl());
    const query = search.slice(1).replaceAll('.', '%2E').replaceAll('-', '%2D');
    expect(codeOf(await toLambdaHandler(receiver)(event({ query })))).toEqual([200, 'accepted']);
  });

  test('is rejected if it has two tokens', async () => {
    const { receiver } = setUp({ onTaskFinished: () => undefined });
    const query = new URL(await receiver.createCallbackUrl()).search.slice(1);
    const twice = event({ query: `${query}&${query}` });
    // A load balancer without multi-value headers passes on only the last value.
    const status = source === 'a load balancer' ? 200 : 401;
    expect((await toLambdaHandler(receiver)(twice)).statusCode).toBe(status);
  });

  test('is decoded if its body is base64', async () => {
    const reasons: string[] = [];
    const handler = toLambdaHandler({
      logger: false,
      insecure: true,
      onTaskFailed: ({ task }) => reasons.push(task.reason),
    });
    const failed = sampleEvents.failed();
    const reason = 'Größe 任务 ÿþ>>>???';
    const task = { ...(failed.payload['task'] as object), reason };
    const text = JSON.stringify({ ...failed, payload: { ...failed.payload, task } });
    const body = Buffer.from(text).toString('base64');
    expect((await handler(event({ body, isBase64Encoded: true }))).statusCode).toBe(200);
    expect(reasons).toEqual([reason]);
  });

  test('is rejected with 400 for invalid base64, invalid UTF-8 or an empty body', async () => {
    const handler = open();
    const bad: Asked[] = [
      { body: '***', isBase64Encoded: true },
      { body: Buffer.from([0x7b, 0xff, 0x7d]).toString('base64'), isBase64Encoded: true },
      { body: '', isBase64Encoded: true },
      { body: null },
      { body: '' },
    ];
    for (const asked of bad) {
      expect(codeOf(await handler(event(asked)))).toEqual([400, 'invalid_json']);
    }
  });

  test('may have header names in any case', async () => {
    const handler = open();
    for (const name of ['content-type', 'Content-Type', 'CONTENT-TYPE']) {
      const foreign = event({ headers: { [name]: 'multipart/form-data; boundary=x' } });
      expect(codeOf(await handler(foreign))).toEqual([415, 'unsupported_media_type']);
    }
    const large = event({ headers: { 'Content-Length': String(1024 * 1024 + 1) } });
    expect(codeOf(await handler(large))).toEqual([413, 'body_too_large']);
  });

  test('is rejected with 413 if its decoded body exceeds maxBodyBytes', async () => {
    const maxBodyBytes = Buffer.byteLength(sample);
    const seen: unknown[] = [];
    const handler = toLambdaHandler({
      logger: false,
      insecure: true,
      limits: { maxBodyBytes },
      onTaskFinished: ({ task }) => seen.push(task.task_id),
    });
    const base64 = (text: string) => ({
      body: Buffer.from(text).toString('base64'),
      isBase64Encoded: true,
    });
    expect((await handler(event({ body: `${sample} ` }))).statusCode).toBe(413);
    expect((await handler(event(base64(`${sample} `)))).statusCode).toBe(413);
    expect((await handler(event(base64(sample)))).statusCode).toBe(200);
    expect(seen).toHaveLength(1);
  });

  test('is rejected with 415 if its body is gzip-encoded', async () => {
    const { gzipSync } = await import('node:zlib');
    const body = gzipSync(sample).toString('base64');
    const headers = { ...DEFAULT_HEADERS, 'Content-Encoding': 'gzip' };
    const encoded = event({ headers, body, isBase64Encoded: true });
    expect(codeOf(await open()(encoded))).toEqual([415, 'unsupported_media_type']);
  });

  test('is rejected with 405 and Allow if its method is not POST', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'OPTIONS']) {
      const result = await open()(event({ method, body: null }));
      expect(codeOf(result)).toEqual([405, 'method_not_allowed']);
      expect(result.headers['allow']).toBe('POST');
    }
  });

  test('gets a result in the format of its source', async () => {
    const result = await open()(event({}));
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
    const manyHeaders = many(Object.entries(headers));
    expect(result).toEqual({
      statusCode: 200,
      headers,
      ...(event({}).multiValueHeaders ? { multiValueHeaders: manyHeaders } : {}),
      body: '{"status":"accepted"}',
      isBase64Encoded: false,
    });
    expect(JSON.parse(JSON.stringify(result))).toEqual(result); // Lambda serializes the result as JSON
  });
});

describe('toLambdaHandler', () => {
  test('returns a function of at most two parameters, so that Lambda awaits it', () => {
    expect(toLambdaHandler({ logger: false, secret: TEST_SECRET }).length).toBeLessThanOrEqual(2);
  });

  test('throws if the options are invalid', () => {
    expect(() => toLambdaHandler({ logger: false, secret: 'short' })).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });

  test('returns 405 for an event that is not an HTTP request', async () => {
    const handler = toLambdaHandler({ logger: false, secret: TEST_SECRET });
    for (const event of [{}, { Records: [] }, { headers: null, body: null }]) {
      expect((await handler(event)).statusCode).toBe(405);
    }
  });
});

describe('toLambdaHandler: reply', () => {
  const event: LambdaEvent = { httpMethod: 'POST', body: sample };
  const insecure = true;

  test('is sent after the handlers have succeeded', async () => {
    const { receiver, clock } = setUp({ insecure });
    const end = deferred();
    receiver.onTaskSucceeded(() => end.promise);
    const result = track(toLambdaHandler(receiver)(event));
    await clock.advance(3000);
    expect(result.settled).toBe(false);
    end.resolve();
    await clock.flush();
    expect(result.value && codeOf(result.value)).toEqual([200, 'accepted']);
    expect(clock.timers()).toBe(0);
  });

  test('is 503 if a handler fails, and the next delivery starts the next attempt', async () => {
    const { receiver, clock } = setUp({ insecure });
    const attempts: number[] = [];
    receiver.onTaskSucceeded((_, { attempt }) => {
      attempts.push(attempt);
      if (attempt === 1) throw new Error('no');
    });
    const handler = toLambdaHandler(receiver);
    const failed = await handler(event);
    expect(codeOf(failed)).toEqual([503, 'not_handled']);
    expect(failed.headers['retry-after']).toBeDefined();
    await clock.advance(3_600_000);
    expect(attempts).toEqual([1]); // nothing runs between invocations
    expect((await handler(event)).statusCode).toBe(200);
    expect(attempts).toEqual([1, 2]);
  });

  test('is 503 after replyTimeoutMs, when the signal of the handler is aborted', async () => {
    const { receiver, clock } = setUp({ insecure, limits: { replyTimeoutMs: 2500 } });
    let aborted = false;
    receiver.onTaskSucceeded(
      (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(new Error('aborted'));
          });
        }),
    );
    const result = track(toLambdaHandler(receiver)(event));
    await clock.advance(2499);
    expect([result.settled, aborted]).toEqual([false, false]);
    await clock.advance(1);
    expect([result.value?.statusCode, aborted]).toEqual([503, true]);
    expect(clock.timers()).toBe(0);
  });

  test("does not wait for handlers with ack: 'accepted'", async () => {
    const { receiver, clock } = setUp({ insecure, ack: 'accepted' });
    const end = deferred();
    receiver.onTaskSucceeded(() => end.promise);
    const result = track(toLambdaHandler(receiver)(event));
    await clock.flush();
    expect(result.value && codeOf(result.value)).toEqual([200, 'accepted']);
    end.resolve();
    await clock.flush();
    expect((await receiver.stats()).inbox.done).toBe(1);
  });
});
