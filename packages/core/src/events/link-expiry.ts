/**
 * When a result link expires; `null` if unknown.
 *
 * Presigned links state it: S3 and R2 with `X-Amz-Date` + `X-Amz-Expires` (seconds),
 * Tencent COS with `q-sign-time=start;end`, CloudFront with `Expires` (both in epoch seconds).
 *
 * @param ttlSeconds Novita's `…_url_ttl`, counted from the arrival
 * @param receivedAt milliseconds since 1970
 */
export function linkExpiry(
  url: string,
  ttlSeconds: number | null,
  receivedAt: number,
): Date | null {
  const stated = statedExpiry(url);
  const expiresAt = stated ?? (ttlSeconds === null ? null : receivedAt + ttlSeconds * 1000);
  return expiresAt === null ? null : validDate(expiresAt);
}

function statedExpiry(url: string): number | null {
  const start = url.indexOf('?');
  if (start === -1) return null;
  const signedAt = parseAmzDate(valueOf(url, start, 'X-Amz-Date='));
  const lifetime = seconds(valueOf(url, start, 'X-Amz-Expires='));
  if (signedAt !== null && lifetime !== null) return signedAt + lifetime * 1000;
  const [, signedUntil] = valueOf(url, start, 'q-sign-time=')?.split(/;|%3B/i) ?? [];
  const end = seconds(signedUntil) ?? seconds(valueOf(url, start, 'Expires='));
  return end === null ? null : end * 1000;
}

/**
 * The first parameter of that name, as it is written. `URLSearchParams` decodes all parameters, and
 * signatures are long.
 *
 * @param start of the query
 * @param name with its equals sign
 */
function valueOf(url: string, start: number, name: string): string | undefined {
  let at = url.indexOf(name, start + 1);
  while (at !== -1 && at !== start + 1 && url[at - 1] !== '&') at = url.indexOf(name, at + 1);
  if (at === -1) return undefined;
  const end = url.indexOf('&', at);
  return url.slice(at + name.length, end === -1 ? undefined : end);
}

/** ISO 8601 basic form, `20260301T101500Z`. */
function parseAmzDate(text: string | undefined): number | null {
  if (text === undefined || !/^\d{8}T\d{6}Z$/.test(text)) return null;
  const part = (from: number, to: number) => Number(text.slice(from, to));
  const [hours, minutes, seconds] = [part(9, 11), part(11, 13), part(13, 15)];
  return Date.UTC(part(0, 4), part(4, 6) - 1, part(6, 8), hours, minutes, seconds);
}

function seconds(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : null;
}

function validDate(ms: number): Date | null {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? null : date;
}
