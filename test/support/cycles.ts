import { resolveRelative, type Member } from './arrows.ts';
import { readImports } from './imports.ts';

/**
 * The circles in which a member's files import each other, each as the path around it. Type-only
 * imports are left out: the compiler erases them, so they cannot load a file too early.
 */
export function findCycles({ files }: Member): readonly string[] {
  const next = (file: string) =>
    readImports(file, files[file] ?? '')
      .filter(({ specifier, kind }) => specifier.startsWith('.') && kind !== 'type')
      .map(({ specifier }) => resolveRelative(file, specifier));
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) cycles.push([...path.slice(start), file].join(' → '));
    if (start >= 0 || done.has(file)) return;
    for (const target of next(file)) walk(target, [...path, file]);
    done.add(file);
  };
  for (const file of Object.keys(files)) walk(file, []);
  return cycles;
}
