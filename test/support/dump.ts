/** All reachable values and keys, including those that JSON omits: messages, stacks, causes. */
export function dump(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (seen.has(value)) return '';
  seen.add(value);
  return Reflect.ownKeys(value)
    .map((key) => `${String(key)}: ${dump((value as Record<PropertyKey, unknown>)[key], seen)}`)
    .join('\n');
}
