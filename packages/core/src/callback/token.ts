import { fromBase64Url, toBase64Url } from '../shared/base64url.ts';
import type { JsonObject } from '../shared/json.ts';
import { isPromise } from '../shared/is-promise.ts';
import { toTokenId } from '../shared/token-id.ts';
import type { Signer } from './signer.ts';

/** What a token states. */
export interface TokenClaims {
  /** Endpoint that the token is for. */
  readonly endpoint: string;
  /** Milliseconds since 1970; `null` for a token that does not expire. */
  readonly expiresAt: number | null;
  readonly metadata: JsonObject;
  readonly testMode: boolean;
  /** Whether it belongs to the first task whose event comes with it. */
  readonly oneTask: boolean;
  /** Text that no other token has. See `shared/token-id.ts`. */
  readonly tokenId: string;
}

/** Why a token was refused. For logs and figures only: the sender gets one reply for all. */
export type TokenRefusal =
  | 'missing'
  | 'malformed'
  | 'unknown_key'
  | 'forged'
  | 'expired'
  | 'other_endpoint'
  /** Valid, but it belongs to another task. Only the inbox can tell. */
  | 'other_task';

type Verdict = TokenClaims | TokenRefusal;

type NewClaims = Omit<TokenClaims, 'tokenId'>;

/** A token, and what entries keep of it. */
interface MintedToken {
  readonly token: string;
  readonly tokenId: string;
}

export interface Tokens {
  /** @param now milliseconds since 1970 */
  mint(claims: NewClaims, now: number): Promise<MintedToken>;
  /** @param now milliseconds since 1970 */
  verify(token: string | undefined, endpoint: string, now: number): Verdict | Promise<Verdict>;
}

/**
 * A token is `nwt1.<key id>.<claims>.<HMAC-SHA-256 of all before it>`. Redaction finds tokens in
 * any text by the prefix.
 */
const VERSION = 'nwt1';
const MAX_TOKEN_LENGTH = 4096;

/** The claims as JSON. The names have one letter because they travel in a URL. */
interface WireClaims {
  readonly e: string;
  readonly x?: number;
  readonly n: string;
  readonly m?: JsonObject;
  readonly t?: true;
  /** For one task. */
  readonly o?: true;
}

const utf8 = new TextEncoder();

const decoder = new TextDecoder();

/** Mints and verifies the tokens of callback URLs, which replace the signature that Novita lacks. */
export function createTokens(signer: Signer): Tokens {
  const toRefusal = (isKnown: boolean): TokenRefusal => (isKnown ? 'forged' : 'unknown_key');
  const refuse = (keyId: string, mac: string): TokenRefusal | Promise<TokenRefusal> => {
    if (fromBase64Url(mac) === undefined) return 'malformed';
    const isKnown = signer.hasKey(keyId);
    return isPromise(isKnown) ? isKnown.then(toRefusal) : toRefusal(isKnown);
  };

  return {
    async mint(claims, now) {
      const nonce = createNonce(now);
      const signed = `${VERSION}.${await signer.keyId()}.${encodeClaims(claims, nonce)}`;
      const token = `${signed}.${await signer.sign(signed)}`;
      return { token, tokenId: toTokenId(nonce, claims) };
    },

    verify(token, endpoint, now) {
      if (token === undefined || token === '') return 'missing';
      const parts = token.length <= MAX_TOKEN_LENGTH ? token.split('.') : [];
      const [version, keyId = '', claims = '', mac = ''] = parts;
      if (parts.length !== 4 || version !== VERSION) return 'malformed';
      const toVerdict = (isValid: boolean) =>
        isValid ? checkClaims(decodeClaims(claims), endpoint, now) : refuse(keyId, mac);
      const isValid = signer.verify(token.slice(0, token.lastIndexOf('.')), mac);
      return isPromise(isValid) ? isValid.then(toVerdict) : toVerdict(isValid);
    },
  };
}

const TIME_BYTES = 6;
const RANDOM_BYTES = 9;

/**
 * Text that no other token has. Begins with the time: an index over tokens in which entries of the same
 * time are neighbours costs a store much less than one in random order. See docs/decisions/0041.
 */
function createNonce(now: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(TIME_BYTES + RANDOM_BYTES));
  let rest = Math.max(0, Math.floor(now));
  for (let index = TIME_BYTES - 1; index >= 0; index -= 1) {
    bytes[index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return toBase64Url(bytes);
}

function encodeClaims(
  { endpoint, expiresAt, metadata, testMode, oneTask }: NewClaims,
  nonce: string,
): string {
  const claims: WireClaims = {
    e: endpoint,
    ...(expiresAt === null ? {} : { x: expiresAt }),
    n: nonce,
    ...(Object.keys(metadata).length === 0 ? {} : { m: metadata }),
    ...(testMode ? { t: true } : {}),
    ...(oneTask ? { o: true } : {}),
  };
  return toBase64Url(utf8.encode(JSON.stringify(claims)));
}

/** Called only after the signature was verified, so the shape of the claims is known. */
function decodeClaims(encoded: string): WireClaims {
  return JSON.parse(decoder.decode(fromBase64Url(encoded))) as WireClaims;
}

function checkClaims(
  claims: WireClaims,
  endpoint: string,
  now: number,
): TokenClaims | TokenRefusal {
  if (claims.e !== endpoint) return 'other_endpoint';
  const expiresAt = claims.x ?? null;
  if (expiresAt !== null && expiresAt <= now) return 'expired';
  const { m: metadata = {}, t: testMode = false, o: oneTask = false } = claims;
  const tokenId = toTokenId(claims.n, { testMode, oneTask });
  return { endpoint, expiresAt, metadata, testMode, oneTask, tokenId };
}
