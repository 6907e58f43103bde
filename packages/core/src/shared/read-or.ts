/** The value of `read`, or `fallback` if it throws: properties of a request may be getters. */
export function readOr<T>(read: () => T, fallback: T): T {
  try {
    return read();
  } catch {
    return fallback;
  }
}
