// The picture of the imports between packages and between the folders of core, as Mermaid.
import { join } from 'node:path';

import { cruise } from 'dependency-cruiser';
import extractTsConfig from 'dependency-cruiser/config-utl/extract-ts-config';

import config from '../../.dependency-cruiser.mjs';
import { root } from '../lib/packages.mjs';

const CORE = /^packages\/core\/src\/([^/]+?)(?:\.ts|\/.*)$/;
const PACKAGE = /^packages\/([^/]+)\/src\//;

/** Arrows as `Map<from, Set<to>>`, from what dependency-cruiser finds; `toNode` names the ends. */
function arrowsBetween(modules, toNode) {
  const arrows = new Map();
  for (const { source, dependencies } of modules) {
    const from = toNode(source);
    if (from === undefined) continue;
    const targets = arrows.get(from) ?? new Set();
    arrows.set(from, targets);
    for (const { resolved } of dependencies) targets.add(toNode(resolved));
    targets.delete(from);
    targets.delete(undefined);
  }
  return arrows;
}

/** Leaves out each arrow that follows from others: a → c beside a → b → c. */
function withoutShortcuts(arrows) {
  const reaches = (from, to, seen = new Set()) => {
    if (from === to) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return [...arrows.get(from)].some((next) => reaches(next, to, seen));
  };
  // Within a cycle every arrow follows from the others, so all of them stay.
  const isBetween = (node, from, to) =>
    node !== to && reaches(node, to) && !reaches(node, from) && !reaches(to, node);
  const isNeeded = (from, to) => ![...arrows.get(from)].some((node) => isBetween(node, from, to));
  return new Map(
    [...arrows].map(([from, tos]) => [from, new Set([...tos].filter((to) => isNeeded(from, to)))]),
  );
}

/** One line for all nodes with the same targets: `a & b --> c & d`. A node without arrows is alone. */
function linesOf(arrows) {
  const all = new Set([...arrows.values()].flatMap((tos) => [...tos]));
  const sources = new Map();
  for (const [from, tos] of [...arrows].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const targets = [...tos].toSorted().join(' & ');
    if (targets === '' && all.has(from)) continue;
    sources.set(targets, [...(sources.get(targets) ?? []), from]);
  }
  return [...sources].map(([targets, from]) =>
    [from.join(' & '), targets].filter(Boolean).join(' --> '),
  );
}

/** `receiver` is the files at the top of core/src; index.ts only exports. */
function coreNode(file) {
  const name = CORE.exec(file)?.[1];
  if (name === 'index') return undefined;
  return file === `packages/core/src/${name}.ts` ? 'receiver' : name;
}
const packageNode = (file) => PACKAGE.exec(file)?.[1];

/** The lines of the picture. */
export async function drawArrows() {
  const { output } = await cruise(
    ['packages'],
    { ...config.options, baseDir: root, includeOnly: '^packages/[^/]+/src/' },
    undefined,
    { tsConfig: extractTsConfig(join(root, 'tsconfig.json')) },
  );
  const packages = linesOf(arrowsBetween(output.modules, packageNode));
  const folders = linesOf(withoutShortcuts(arrowsBetween(output.modules, coreNode)));
  return [
    '```mermaid',
    'flowchart TD',
    ...packages.map((line) => `  ${line}`),
    '  subgraph core',
    ...folders.map((line) => `    ${line}`),
    '  end',
    '```',
  ];
}
