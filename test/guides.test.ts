import { describe, expect, test } from 'vitest';

import {
  RUNTIME_GUIDES,
  snippetErrors,
  snippetsOf,
  type SnippetTypesOptions,
} from './support/snippet-types.ts';

const TIMEOUT_MS = 120_000;

/** What the sections use beside the types of Node and of the packages of this repository. */
const OPTIONS: Readonly<Record<string, SnippetTypesOptions>> = {
  Nuxt: {
    // Nuxt imports both by itself.
    ambient: `
      interface H3Event { readonly path: string }
      declare function defineEventHandler(handle: (event: H3Event) => unknown): unknown;
      declare function toWebRequest(event: H3Event): Request;`,
  },
  Nest: {
    // The types of Nest itself are checked in examples/nest.
    ambient: `
      declare module '@nestjs/core' {
        export const NestFactory: {
          create(module: unknown, options: { rawBody: boolean }): Promise<{
            use(path: string, middleware: import('express').RequestHandler): void;
            enableShutdownHooks(): void;
            listen(port: number): Promise<unknown>;
          }>;
        };
      }
      declare module '*/app.module.js' { export const AppModule: unknown; }`,
  },
  Bun: { types: ['bun'] },
  Deno: {
    types: [],
    declarations: ['@types/deno/index.d.ts'],
    ambient: 'declare const console: { log(...values: unknown[]): void };', // of its own library
  },
  'Cloudflare Workers': { types: ['@cloudflare/workers-types'] },
};

describe.each(RUNTIME_GUIDES)('%s: the code fits the types', (file) => {
  const snippets = snippetsOf(file);

  test('of all sections', () => expect(snippets.length).toBeGreaterThan(4));

  test.each(snippets)('of $section', { timeout: TIMEOUT_MS }, ({ section, code }) => {
    expect(snippetErrors(code, OPTIONS[section])).toEqual([]);
  });
});

test('a snippet with a wrong type is found', { timeout: TIMEOUT_MS }, () => {
  const code = `import { createReceiver } from '@novita-webhooks/core'; createReceiver({ secret: 1 });`;
  expect(snippetErrors(code).join()).toMatch(/number/);
});
