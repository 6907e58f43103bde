// Identifies the token of a callback URL, and says what the token signed. Entries keep it: `testMode` of
// an entry alone may be the unsigned claim of a payload.

/** No nonce has a colon: it is base64url. */
const TEST_PREFIX = 'test:';
/** First, so that a store can index the tokens of one task alone. */
const BOUND_PREFIX = 'once:';

/** What of a token its id says. */
export interface TokenKind {
  readonly testMode: boolean;
  readonly oneTask: boolean;
}

export function toTokenId(nonce: string, { testMode, oneTask }: TokenKind): string {
  return (oneTask ? BOUND_PREFIX : '') + (testMode ? TEST_PREFIX : '') + nonce;
}

/** Whether the token was minted with `createCallback({ testMode })`. */
export function isTestToken(tokenId: string | null): boolean {
  return tokenId !== null && /^(once:)?test:/.test(tokenId);
}

/**
 * Whether a token is for one task: of all entries, a store keeps it with one only. For stores: `add`
 * returns `other_task` if another entry of the endpoint has it. Such ids begin with `once:`, and no
 * others do.
 *
 * @param tokenId of an entry
 * @example
 * if (isBoundToken(entry.tokenId) && tasks.has(entry.tokenId)) return 'other_task';
 */
export function isBoundToken(tokenId: string | null): tokenId is string {
  return tokenId?.startsWith(BOUND_PREFIX) ?? false;
}
