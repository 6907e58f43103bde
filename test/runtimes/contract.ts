import { runCase } from '@novita-webhooks/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';

import { rejectCases } from './reject-cases.ts';
import { startServer, type Runtime, type RuntimeServer, type ServerName } from './start-server.ts';
import type { RuntimeSubject } from './subject.ts';
import { acceptCases } from './accept-cases.ts';

/** The entries of core, and the behavior of a server with each of them. */
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

const runtimes = process.env['TEST_RUNTIMES'];
if (runtimes === undefined) {
  throw new Error('runtime contract: TEST_RUNTIMES is not set. Run `npm run test:matrix`.');
}

for (const runtime of JSON.parse(runtimes) as readonly Runtime[]) {
  for (const [entry, name] of Object.entries(servers[runtime.kind])) {
    describe(`the runtime contract, by ${entry}, on ${runtime.column}`, () => {
      let server: RuntimeServer;
      beforeAll(async () => {
        server = await startServer(runtime, name);
      });
      afterAll(() => server.stop());

      const behavior = entries[entry as keyof typeof entries];
      const waitUntil = runtime.kind === 'workerd';
      for (const contractCase of [...acceptCases, ...rejectCases]) {
        test(contractCase.name, ({ skip }) =>
          runCase(
            contractCase,
            () => ({ ...behavior, waitUntil, origin: server.origin }),
            async () => undefined,
            skip,
          ),
        );
      }
    });
  }
}
