import { fromBase64Url, toBase64Url } from '../shared/base64url.ts';
import { WebhookError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/json.ts';

/** What a token says, and vouches for. */
export interface TokenClaims {
  /** Name of the endpoint that the token is for. */
  readonly endpoint: string;
  /** Milliseconds since 1970, or `null` for a token that does not expire. */
  readonly expiresAt: number | null;
  readonly metadata: JsonObject;
  readonly testMode: boolean;
}

/** Why a token was refused. Only for logs and figures: the sender gets one answer for all. */
type TokenRefusal =
  'missing' | 'malformed' | 'unknown_key' | 'forged' | 'expired' | 'other_endpoint';

export interface Tokens {
  mint(claims: TokenClaims): Promise<string>;
  verify(
    token: string | undefined,
    endpoint: string,
    now: number,
  ): Promise<TokenClaims | TokenRefusal>;
}

/**
 * `nwt1.<key id>.<claims>.<HMAC-SHA-256 of all before it>`. The prefix makes a token easy to find,
 * and so to redact, wherever it turns up.
 */
const VERSION = 'nwt1';
const LONGEST_TOKEN = 4096;
export const NO_SECRET: string =
  'this receiver was made without a secret, to handle what an inbox holds: it has no callback URLs ' +
  'and takes no deliveries. Pass secret to createReceiver where it should';

/** The claims on the wire: one-letter names, since they travel in a URL. */
interface WireClaims {
  readonly e: string;
  readonly x?: number;
  readonly n: string;
  readonly m?: JsonObject;
  readonly t?: true;
}

/**
 * Mints and checks the tokens that stand in for the signature that Novita does not send. The first
 * secret signs; all of them are accepted, so that a secret can be rotated. Without any, no token is
 * good.
 */
export function createTokens(secrets: readonly string[]): Tokens {
  // Imported on first use: nothing asynchronous happens when a receiver is made.
  let imported: Promise<readonly SigningKey[]> | undefined;
  const keys = () => (imported ??= Promise.all(secrets.map(importKey)));

  return {
    async mint(claims) {
      const [current] = await keys();
      if (current === undefined) throw new WebhookError('invalid_option', NO_SECRET);
      const signed = `${VERSION}.${current.id}.${encodeClaims(claims)}`;
      const mac = await crypto.subtle.sign('HMAC', current.key, utf8.encode(signed));
      return `${signed}.${toBase64Url(new Uint8Array(mac))}`;
    },

    async verify(token, endpoint, now) {
      if (token === undefined || token === '') return 'missing';
      const parts = token.length <= LONGEST_TOKEN ? token.split('.') : [];
      const [version, keyId, claims, mac] = parts;
      if (parts.length !== 4 || version !== VERSION || claims === undefined || mac === undefined) {
        return 'malformed';
      }
      const signature = fromBase64Url(mac);
      if (signature === undefined) return 'malformed';
      const signed = utf8.encode(token.slice(0, token.lastIndexOf('.')));
      if (!(await signedByAny(await keys(), signature, signed))) {
        return (await keys()).some(({ id }) => id === keyId) ? 'forged' : 'unknown_key';
      }
      return checkClaims(decodeClaims(claims), endpoint, now);
    },
  };
}

type ImportedKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

interface SigningKey {
  /** Tells which secret signed a token, for logs and rotation. Reveals nothing of the secret. */
  readonly id: string;
  readonly key: ImportedKey;
}

const utf8 = new TextEncoder();

async function importKey(secret: string): Promise<SigningKey> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const bytes = utf8.encode(secret);
  const key = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign', 'verify']);
  const digest = await crypto.subtle.sign('HMAC', key, utf8.encode('key id'));
  return { id: toBase64Url(new Uint8Array(digest, 0, 6)), key };
}

/** Every key is tried, also after a match; `subtle.verify` compares in constant time. */
async function signedByAny(
  keys: readonly SigningKey[],
  signature: Uint8Array<ArrayBuffer>,
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const checks = keys.map(({ key }) => crypto.subtle.verify('HMAC', key, signature, signed));
  return (await Promise.all(checks)).includes(true);
}

function encodeClaims({ endpoint, expiresAt, metadata, testMode }: TokenClaims): string {
  const claims: WireClaims = {
    e: endpoint,
    ...(expiresAt === null ? {} : { x: expiresAt }),
    n: toBase64Url(crypto.getRandomValues(new Uint8Array(12))),
    ...(Object.keys(metadata).length === 0 ? {} : { m: metadata }),
    ...(testMode ? { t: true } : {}),
  };
  return toBase64Url(utf8.encode(JSON.stringify(claims)));
}

/** Only called on claims whose signature was checked: they are ours, so their shape is known. */
function decodeClaims(encoded: string): WireClaims {
  return JSON.parse(new TextDecoder().decode(fromBase64Url(encoded))) as WireClaims;
}

function checkClaims(
  claims: WireClaims,
  endpoint: string,
  now: number,
): TokenClaims | TokenRefusal {
  if (claims.e !== endpoint) return 'other_endpoint';
  const expiresAt = claims.x ?? null;
  if (expiresAt !== null && expiresAt <= now) return 'expired';
  return { endpoint, expiresAt, metadata: claims.m ?? {}, testMode: claims.t === true };
}
