import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Why a link is refused, in S3's words. */
export interface LinkRefusal {
  readonly code: 'AccessDenied' | 'SignatureDoesNotMatch';
  readonly message: string;
}

export interface Links {
  /** A link to a path of the simulator that works from now on until it expires. */
  readonly sign: (path: string) => string;
  /** `undefined` when the link may be followed. */
  readonly refusal: (url: URL) => LinkRefusal | undefined;
}

const signatureField = 'X-Amz-Signature';

/** S3's basic format, 20260301T101500Z: whole seconds. */
const toAmzDate = (ms: number): string => new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');

const fromAmzDate = (date: string): number =>
  Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

const sameText = (left: string, right: string): boolean => {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
};

/** Order and names as S3 writes them; only the signature is our own. */
const toQuery = (date: string, ttlSeconds: number): URLSearchParams =>
  new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `SIMULATOR/${date.slice(0, 8)}/local/s3/aws4_request`,
    'X-Amz-Date': date,
    'X-Amz-Expires': String(ttlSeconds),
    'X-Amz-SignedHeaders': 'host',
  });

/**
 * Links that look and die like presigned S3 links. The key is new for each simulator, so that
 * nobody else can make one.
 */
export const createLinks = (origin: string, ttlSeconds: number, now: () => number): Links => {
  const key = randomBytes(32);
  const signature = (path: string, query: URLSearchParams): string =>
    createHmac('sha256', key).update(`${path}?${query.toString()}`).digest('hex');

  const refusal = (url: URL): LinkRefusal | undefined => {
    const query = new URLSearchParams(url.searchParams);
    const given = query.get(signatureField);
    if (given === null) return { code: 'AccessDenied', message: 'Access Denied' };
    query.delete(signatureField);
    if (!sameText(given, signature(url.pathname, query))) {
      const message = 'The request signature we calculated does not match the one you provided.';
      return { code: 'SignatureDoesNotMatch', message };
    }
    const age = now() - fromAmzDate(query.get('X-Amz-Date') ?? '');
    if (age < Number(query.get('X-Amz-Expires')) * 1000) return undefined;
    return { code: 'AccessDenied', message: 'Request has expired' };
  };

  const sign = (path: string): string => {
    const query = toQuery(toAmzDate(now()), ttlSeconds);
    query.append(signatureField, signature(path, query));
    return `${origin}${path}?${query.toString()}`;
  };

  return { sign, refusal };
};
