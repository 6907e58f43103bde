// Identifies the token of a callback URL, and says whether the token signed the test mode. Entries keep
// it: `testMode` of an entry alone may be the unsigned claim of a payload.

/** No nonce has a colon: it is base64url. */
const TEST_PREFIX = 'test:';

export function toTokenId(nonce: string, testMode: boolean): string {
  return testMode ? TEST_PREFIX + nonce : nonce;
}

/** Whether the token was minted with `createCallback({ testMode })`. */
export function isTestToken(tokenId: string | null): boolean {
  return tokenId?.startsWith(TEST_PREFIX) ?? false;
}
