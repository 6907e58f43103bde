import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { read, root } from './support/workspace.ts';

const text = read('SECURITY.md');
const promises = text.slice(text.indexOf('## Promises'), text.indexOf('### What may hold what'));
/** A line that begins a text, alone or as an argument or as the name of a case of a contract. */
const TITLE = /^\s*(?:.*\(|name: )?['"`](.*)['"`]/;
const CALL = /^\s*(?:test|it|describe)\b/;

const proofs = [...promises.matchAll(/^ +- \[([^\]]+)\]\(([^)]+)\): `([^`]+)`$/gm)].map(
  ([, name = '', path = '', title = '']) => ({ name, path, title }),
);

test.each(proofs)('SECURITY.md: $path has the test: $title', ({ name, path, title }) => {
  expect(name).toBe(path);
  expect(existsSync(join(root, path))).toBe(true);
  const lines = read(path).split('\n');
  const at = lines.findIndex((line) => TITLE.exec(line)?.[1]?.includes(title));
  expect(at, 'a line with the title of a test').not.toBe(-1);
  // The call begins on this line, or with the options or the table of the test above it.
  const opening = lines.slice(0, at + 1).findLastIndex((line) => CALL.test(line));
  const call = lines.slice(opening, at + 1).join('\n');
  expect(call).not.toMatch(/\.(skip|todo|fails)\b/);
  // A contract has no calls: its cases are data.
  if (!path.includes('/contracts/')) expect(opening, 'the call of the test').not.toBe(-1);
});

test('SECURITY.md: each promise names a test', () => {
  const numbered = promises.split(/^(?=\d+\. )/m).slice(1);
  expect(numbered.length).toBeGreaterThan(5);
  const without = numbered.filter((promise) => !/^ +- \[.+\): `/m.test(promise));
  expect(without).toEqual([]);
});

test('SECURITY.md: each link to a file leads to one', () => {
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map(
    ([, path = '']) => path,
  );
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});
