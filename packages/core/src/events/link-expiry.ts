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
  const parameters = url.slice(start + 1).split('&');
  const signedAt = parseAmzDate(valueOf(parameters, 'X-Amz-Date'));
  const lifetime = seconds(valueOf(parameters, 'X-Amz-Expires'));
  if (signedAt !== null && lifetime !== null) return signedAt + lifetime * 1000;
  const [, signedUntil] = valueOf(parameters, 'q-sign-time')?.split(/;|%3B/i) ?? [];
  const end = seconds(signedUntil) ?? seconds(valueOf(parameters, 'Expires'));
  return end === null ? null : end * 1000;
}

/** As it is written. `URLSearchParams` decodes all parameters, and signatures are long. */
function valueOf(parameters: readonly string[], name: string): string | undefined {
  return parameters.find((it) => it.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** ISO 8601 basic form, `20260301T101500Z`. */
function parseAmzDate(text: string | undefined): number | null {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? '') ?? [];
  if (parts.length !== 6) return null;
  const [year = 0, month = 1, ...rest] = parts.map(Number);
  return Date.UTC(year, month - 1, ...rest);
}

function seconds(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : null;
}

function validDate(ms: number): Date | null {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? null : date;
}
