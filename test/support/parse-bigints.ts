/** Parses JSON as `json-bigint` with `useNativeBigInt` does: integers of 16 digits or more are BigInts. */
export function parseBigInts(text: string): unknown {
  const marked = text.replace(/(?<=[:[,])\d{16,}(?=[,}\]])/g, '"$&n"');
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  );
}
