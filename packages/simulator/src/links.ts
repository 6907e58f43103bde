import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Reason why a link is rejected, with the code and message of S3. */
export interface LinkRejection {
  readonly code: 'AccessDenied' | 'SignatureDoesNotMatch';
  readonly message: string;
}

export interface Links {
  /** Creates a link to a path of the simulator. It expires after the simulator's `linkTtlMs`. */
  readonly sign: (path: string) => string;
  /** Returns `undefined` if the signature is valid and the link has not expired. */
  readonly verify: (url: URL) => LinkRejection | undefined;
}

const SIGNATURE_FIELD = 'X-Amz-Signature';

/** Formats a time as S3 does, 20260301T101500Z: whole seconds. */
const toAmzDate = (ms: number): string => new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');

const fromAmzDate = (date: string): number =>
  Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

const isEqual = (left: string, right: string): boolean => {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
};

/** Creates the query in S3's names and order. The signature that follows is not S3's algorithm. */
const toQuery = (date: string, ttlSeconds: number): URLSearchParams =>
  new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `SIMULATOR/${date.slice(0, 8)}/local/s3/aws4_request`,
    'X-Amz-Date': date,
    'X-Amz-Expires': String(ttlSeconds),
    'X-Amz-SignedHeaders': 'host',
  });

/**
 * Creates links in the form of presigned S3 links. Each simulator signs with a random key, so a link
 * of another simulator is rejected.
 */
export const createLinks = (origin: string, ttlSeconds: number, now: () => number): Links => {
  const key = randomBytes(32);
  const createSignature = (path: string, query: URLSearchParams): string =>
    createHmac('sha256', key).update(`${path}?${query.toString()}`).digest('hex');

  const verify = (url: URL): LinkRejection | undefined => {
    const query = new URLSearchParams(url.searchParams);
    const signature = query.get(SIGNATURE_FIELD);
    if (signature === null) return { code: 'AccessDenied', message: 'Access Denied' };
    query.delete(SIGNATURE_FIELD);
    if (!isEqual(signature, createSignature(url.pathname, query))) {
      const message = 'The request signature we calculated does not match the one you provided.';
      return { code: 'SignatureDoesNotMatch', message };
    }
    const ageMs = now() - fromAmzDate(query.get('X-Amz-Date') ?? '');
    if (ageMs < Number(query.get('X-Amz-Expires')) * 1000) return undefined;
    return { code: 'AccessDenied', message: 'Request has expired' };
  };

  const sign = (path: string): string => {
    const query = toQuery(toAmzDate(now()), ttlSeconds);
    query.append(SIGNATURE_FIELD, createSignature(path, query));
    return `${origin}${path}?${query.toString()}`;
  };

  return { sign, verify };
};
