import { fileURLToPath } from 'node:url';
import vm from 'node:vm';

import type * as Core from '@novita-webhooks/core';
import { sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';

/** The globals that core may use besides the language itself. */
const GLOBALS = {
  AbortController,
  TextDecoder,
  TextEncoder,
  URL,
  URLSearchParams,
  atob,
  btoa,
  clearTimeout,
  crypto,
  performance,
  setTimeout,
  structuredClone,
};

let bundle = '';

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../src/index.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'core',
    platform: 'neutral',
    target: 'es2022',
    mainFields: ['module', 'main'],
    logLevel: 'silent',
  });
  bundle = outputFiles[0]?.text ?? '';
});

/** Core in a context that has only these globals. */
function load(globals: Readonly<Record<string, unknown>>, limits?: vm.CreateContextOptions) {
  const context = vm.createContext({ ...globals }, limits);
  vm.runInContext(bundle, context);
  return vm.runInContext('core', context) as typeof Core;
}

/** One signed delivery, from the callback URL to its handler. */
async function deliver({ createReceiver }: typeof Core) {
  const receiver = createReceiver({
    logger: false,
    url: 'https://hooks.example.com/novita',
    secret: TEST_SECRET,
    limits: { bodyTimeoutMs: 1000 },
  });
  const handled = new Promise<unknown>((resolve) => {
    receiver.onTaskSucceeded(({ images }, { metadata, signal }) =>
      resolve([images[0]?.expires_at?.getTime(), metadata, signal.aborted]),
    );
  });
  const { url } = await receiver.createCallback({ metadata: { orderId: 42 } });
  const bytes = new TextEncoder().encode(JSON.stringify(sampleEvents.imageSucceeded()));
  const body = (async function* () {
    yield bytes.subarray(0, 10);
    yield bytes.subarray(10);
  })();
  const { status } = await receiver.handle({
    method: 'POST',
    url: `${url}&encoded=%20`,
    headers: {},
    body,
  });
  const seen = status === 200 ? await handled : null;
  await receiver.close();
  return { status, seen: JSON.stringify(seen) };
}

const GOOD = {
  status: 200,
  seen: JSON.stringify([Date.UTC(2026, 2, 1, 11, 15), { orderId: 42 }, false]),
};

describe('core: runtime without Node', () => {
  test('handles a delivery', async () => {
    expect(await deliver(load(GLOBALS))).toEqual(GOOD);
  });

  test('handles a delivery where eval is forbidden, as on edge runtimes', async () => {
    const core = load(GLOBALS, { codeGeneration: { strings: false, wasm: false } });
    expect(await deliver(core)).toEqual(GOOD);
  });

  test('uses each of the listed globals', async () => {
    const used = new Set<string>();
    const watched = Object.fromEntries(Object.keys(GLOBALS).map((name) => [name, undefined]));
    for (const [name, value] of Object.entries(GLOBALS)) {
      const get = () => {
        used.add(name);
        return value as unknown;
      };
      Object.defineProperty(watched, name, { get, enumerable: true, configurable: true });
    }
    const context = vm.createContext(watched);
    vm.runInContext(bundle, context);
    expect(await deliver(vm.runInContext('core', context) as typeof Core)).toEqual(GOOD);
    expect([...used].sort()).toEqual(Object.keys(GLOBALS).sort());
  });

  test('uses no API of Node', () => {
    expect(bundle.length).toBeGreaterThan(10_000);
    expect(bundle).not.toMatch(/\brequire\(|\bfrom ["']node:|\bsetImmediate\b|\bBuffer\.from\b/);
  });
});
