import { toFetchHandler, toLambdaHandler } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { sampleEvents, signedDelivery } from '@novita-webhooks/testing';
import { Hono } from 'hono';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

import { noop, setUp } from './helpers.ts';

const BODY = JSON.stringify(sampleEvents.imageSucceeded());
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The entry files as users paste them, and the types of their runtimes. */
const programs: Record<string, { readonly types: readonly string[]; readonly source: string }> = {
  'Cloudflare Workers, { fetch }': {
    types: ['@cloudflare/workers-types'],
    source: `
      export default { fetch: handler } satisfies ExportedHandler<{ SECRET: string }>;
      export const wrapped: ExportedHandler = { fetch: (request, _env, ctx) => handler(request, ctx) };`,
  },
  'Bun, fetch and routes': {
    types: ['bun'],
    source: `
      Bun.serve({ fetch: handler });
      Bun.serve({ routes: { '/webhooks/novita': handler, '/post': { POST: handler } } });
      Bun.serve({ routes: { '/hooks/:tenant': handler } });`,
  },
  'Deno.serve': {
    types: ['@types/deno/index.d.ts'],
    source: `
      Deno.serve(handler);
      Deno.serve({ port: 3000 }, handler);
      export default { fetch: handler } satisfies Deno.ServeDefaultExport;`,
  },
  Hono: {
    types: ['node'],
    source: `
      import { Hono } from 'hono';
      const app = new Hono();
      app.post('/a', (c) => handler(c.req.raw));
      app.post('/b', (c) => handler(c.req.raw, c.executionCtx));
      app.mount('/c', handler);`,
  },
  'the route handlers of Next.js': {
    types: ['node'],
    source: `
      interface RouteContext { params: Promise<{ tenant: string }> }
      export const POST: (request: Request, context: RouteContext) => void | Response | Promise<void | Response> = handler;`,
  },
};

/** The errors that TypeScript finds in a program beginning with a handler. */
function errorsIn(source: string, types: readonly string[]): string[] {
  const file = `${root}packages/core/test/pasted-entry.ts`;
  const text = `import { toFetchHandler } from '@novita-webhooks/core';
    const handler = toFetchHandler({ logger: false, insecure: true });
    export { handler };
    ${source}`;
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    types: types.filter((name) => !name.endsWith('.d.ts')),
    paths: { '@novita-webhooks/core': [`${root}packages/core/src/index.ts`] },
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.getSourceFile = (name, version) =>
    name === file ? ts.createSourceFile(name, text, version) : getSourceFile(name, version);
  const declarations = types
    .filter((name) => name.endsWith('.d.ts'))
    .map((name) => `${root}node_modules/${name}`);
  const program = ts.createProgram([file, ...declarations], options, host);
  const pasted = program.getSourceFile(file);
  return [
    ...program.getOptionsDiagnostics(),
    ...program.getSyntacticDiagnostics(pasted),
    ...program.getSemanticDiagnostics(pasted),
  ].map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

describe('the types of toFetchHandler fit', () => {
  test.each(Object.entries(programs))('%s', { timeout: 120_000 }, (_, { types, source }) => {
    expect(errorsIn(source, types)).toEqual([]);
  });

  test(
    'and a handler of another kind does not, so the types were loaded',
    { timeout: 120_000 },
    () => {
      for (const [name, source] of [
        ['Cloudflare Workers, { fetch }', `({ fetch: 1 }) satisfies ExportedHandler;`],
        ['Bun, fetch and routes', `Bun.serve({ fetch: 1 });`],
        ['Deno.serve', `Deno.serve(1);`],
      ] as const) {
        expect(errorsIn(source, programs[name]?.types ?? [])[0]).toMatch(/assignable|overload/);
      }
    },
  );
});

describe('waitUntil', () => {
  const env = { SECRET: 'x', KV: { get: noop } };
  const context = () => {
    const works: Promise<unknown>[] = [];
    return {
      works,
      waitUntil(this: { works: Promise<unknown>[] }, work: Promise<unknown>) {
        this.works.push(work);
      },
    };
  };

  test.each([
    ['second, as with Vercel and Netlify', (ctx: object) => [ctx]],
    ['third, as with Workers', (ctx: object) => [env, ctx]],
    [
      'third, after an env that cannot be read',
      (ctx: object) => [Proxy.revocable({}, {}).proxy, ctx],
    ],
    ['third, after nothing', (ctx: object) => [undefined, ctx]],
    ['second, before nothing', (ctx: object) => [ctx, undefined]],
  ])('of the %s argument keeps the runtime alive', async (_, argumentsWith) => {
    const { receiver } = setUp({ onTaskSucceeded: noop });
    const { url } = await signedDelivery(receiver, {});
    const ctx = context();
    const request = new Request(url, { method: 'POST', body: BODY });
    const reply = await toFetchHandler(receiver)(request, ...argumentsWith(ctx));
    expect([reply.status, ctx.works.length]).toEqual([200, 1]);
  });

  test.each([
    ['Next.js', [{ params: Promise.resolve({}) }]],
    ['Bun', [{ port: 3000, upgrade: noop }]],
    ['Deno', [{ remoteAddr: { transport: 'tcp' }, completed: Promise.resolve() }]],
    ['text', ['x', 1, null]],
  ])('is absent in what %s passes', async (_, runtime) => {
    const { receiver } = setUp({ onTaskSucceeded: noop });
    const { url } = await signedDelivery(receiver, {});
    const request = new Request(url, { method: 'POST', body: BODY });
    expect((await toFetchHandler(receiver)(request, ...runtime)).status).toBe(200);
  });
});

test('after c.req.json() in Hono: 500, with advice for fetch requests', async () => {
  const { receiver, log } = setUp({ onTaskSucceeded: noop });
  const handler = toFetchHandler(receiver);
  const app = new Hono();
  app.post('/read', async (c) => {
    await c.req.json();
    return handler(c.req.raw);
  });
  app.post('/cloned', async (c) => {
    const raw = c.req.raw.clone();
    await c.req.json();
    return handler(raw);
  });
  const { search } = new URL(await receiver.createCallbackUrl());
  const post = (path: string) => app.request(path + search, { method: 'POST', body: BODY });
  const read = await post('/read');
  expect(read.status).toBe(500);
  expect(await read.text()).toMatch(/request\.clone\(\)/);
  expect(log.messages('error')).toEqual([expect.stringMatching(/c\.req\.raw\.clone\(\)/)]);
  expect(log.messages('error').join()).not.toMatch(/req\.body|middleware/);
  expect((await post('/cloned')).status).toBe(200);
});

describe('an empty body behind a parser', () => {
  /** The status of a raw request whose body a parser has read. */
  async function statusOf(headers: string, parsed: unknown): Promise<number> {
    const { receiver } = setUp();
    const handler = toNodeHandler(receiver);
    const server = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        void handler(Object.assign(request, { body: parsed }), response);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { search } = new URL(await receiver.createCallbackUrl());
    const socket = connect((server.address() as AddressInfo).port);
    socket.write(`POST /${search} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${headers}\r\n`);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    server.close();
    return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
  }

  test.each([
    ['{} without any header', '', {}],
    ["'' without any header", '', ''],
    ['undefined without any header', '', undefined],
    ['null', 'content-length: 0\r\n', null],
    ['{} with content-length 0', 'content-length: 0\r\n', {}],
    ["'' with content-length 0", 'content-length: 0\r\n', ''],
    ['no bytes with content-length 0', 'content-length: 0\r\n', Buffer.alloc(0)],
    ["'' in chunks", 'transfer-encoding: chunked\r\n\r\n0\r\n', ''],
    ['no bytes in chunks', 'transfer-encoding: chunked\r\n\r\n0\r\n', Buffer.alloc(0)],
  ])('%s: 400', async (_, headers, parsed) => {
    expect(await statusOf(headers, parsed)).toBe(400);
  });

  test.each(['application/json', 'text/plain'])('of fetch, %s: 400', async (type) => {
    const { receiver } = setUp();
    const url = await receiver.createCallbackUrl();
    const request = new Request(url, {
      method: 'POST',
      headers: { 'content-type': type },
      body: '',
    });
    expect((await toFetchHandler(receiver)(request)).status).toBe(400);
  });
});

describe('a url with a query, on API Gateway v1', () => {
  test.each([
    'tenant=a%23b',
    'tenant=a%26b%3Dc',
    'q=100%25',
    'a%26b=1',
    'q=%2B+%20',
    'q=%EF%BF%BD',
  ])('%s: 200, as on v2', async (query) => {
    const { receiver } = setUp({
      url: `https://example.com/hook?${query}`,
      onTaskSucceeded: noop,
    });
    const { searchParams, search } = new URL(await receiver.createCallbackUrl());
    const queryStringParameters = Object.fromEntries(searchParams);
    const multiValueQueryStringParameters = Object.fromEntries(
      [...searchParams.keys()].map((key) => [key, searchParams.getAll(key)]),
    );
    const handler = toLambdaHandler(receiver);
    const event = { httpMethod: 'POST', body: BODY };
    for (const queries of [
      { queryStringParameters },
      { queryStringParameters, multiValueQueryStringParameters },
      { rawQueryString: search.slice(1) },
    ]) {
      expect((await handler({ ...event, ...queries })).statusCode).toBe(200);
    }
  });

  test('a lone surrogate in a value: 200', async () => {
    const { receiver } = setUp({ onTaskSucceeded: noop });
    const token = new URL(await receiver.createCallbackUrl()).searchParams.get('token') ?? '';
    const event = { httpMethod: 'POST', body: BODY, queryStringParameters: { a: '\ud800', token } };
    expect((await toLambdaHandler(receiver)(event)).statusCode).toBe(200);
  });
});
