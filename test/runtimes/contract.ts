import { runCase } from '@novita-webhooks/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';

import { refusing } from './reject-cases.ts';
import { startServer, type Runtime, type RuntimeServer, type ServerName } from './start-server.ts';
import type { RuntimeSubject } from './subject.ts';
import { taking } from './accept-cases.ts';

/** By which function of core a server is made, and what it promises then. */
const entries = {
  toNodeHandler: { waitsForHandlers: false, lingers: true },
  toFetchHandler: { waitsForHandlers: true, lingers: false },
} satisfies Record<string, Omit<RuntimeSubject, 'origin' | 'waitUntil'>>;

const servers: Readonly<
  Record<Runtime['kind'], Partial<Record<keyof typeof entries, ServerName>>>
> = {
  node: { toNodeHandler: 'node-http', toFetchHandler: 'node-fetch' },
  bun: { toNodeHandler: 'node-http', toFetchHandler: 'bun' },
  deno: { toNodeHandler: 'node-http', toFetchHandler: 'deno' },
  workerd: { toFetchHandler: 'workerd' },
};

const given = process.env['TEST_RUNTIMES'];
if (given === undefined) throw new Error('run this by `npm run test:matrix`');

for (const runtime of JSON.parse(given) as readonly Runtime[]) {
  for (const [entry, name] of Object.entries(servers[runtime.kind])) {
    describe(`the runtime contract, by ${entry}, on ${runtime.column}`, () => {
      let server: RuntimeServer;
      beforeAll(async () => {
        server = await startServer(runtime, name);
      });
      afterAll(() => server.stop());

      const promises = entries[entry as keyof typeof entries];
      const waitUntil = runtime.kind === 'workerd';
      for (const contractCase of [...taking, ...refusing]) {
        test(contractCase.name, ({ skip }) =>
          runCase(
            contractCase,
            () => ({ ...promises, waitUntil, origin: server.origin }),
            async () => undefined,
            skip,
          ),
        );
      }
    });
  }
}
