import { expect, test } from 'vitest';

import { codeBlocks, runUntil } from './support/snippets.ts';

const TIMEOUT_MS = 60_000;
const [handlers = '', ...tests] = await codeBlocks('docs/testing-your-handlers.md');

/** Here both are one file. */
const IMPORT_OF_HANDLERS = /^import .* from '\.\/handlers\.js';$/m;

test.each(tests.map((code, index) => [index, code] as const))(
  'docs/testing-your-handlers.md: the tests of example %i pass in node:test',
  async (_, code) => {
    const all = `${handlers}\n${code.replace(IMPORT_OF_HANDLERS, '')}`;
    const count = code.match(/^test\(/gm)?.length ?? 0;
    const end = count === 0 ? `console.log('# pass 0\\n# fail 0\\n# duration_ms');` : '';
    const output = await runUntil(`${all}\n${end}`, /^# duration_ms/m, {});
    expect(output).toMatch(new RegExp(`^# pass ${count}$`, 'm'));
    expect(output).toMatch(/^# fail 0$/m);
  },
  TIMEOUT_MS,
);
