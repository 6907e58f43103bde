import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { read, root } from './support/workspace.ts';

const text = read('SECURITY.md');
const promises = text.slice(text.indexOf('## Promises'), text.indexOf('### What may hold what'));
const proofs = [...promises.matchAll(/^ +- \[([^\]]+)\]\(([^)]+)\): `([^`]+)`$/gm)].map(
  ([, name = '', path = '', title = '']) => ({ name, path, title }),
);

test.each(proofs)('SECURITY.md: $path has the test: $title', ({ name, path, title }) => {
  expect(name).toBe(path);
  expect(existsSync(join(root, path))).toBe(true);
  // A title that the file makes of parts is named by its constant part.
  expect(read(path)).toContain(title);
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
