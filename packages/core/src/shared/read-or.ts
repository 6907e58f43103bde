/** The value of `read`, or `fallback` if it throws: properties of a request may be getters. */
export function readOr<T>(read: () => T, fallback: T): T {
  try {
    return read();
  } catch {
    return fallback;
  }
}

/** A property of any value; `undefined` if it cannot be read. */
export function readProperty(source: unknown, name: string): unknown {
  try {
    return (source as Readonly<Record<string, unknown>>)[name];
  } catch {
    return undefined;
  }
}
