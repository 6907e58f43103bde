import { createReceiver, systemClock, type Clock } from '@novita-webhooks/core';

import { TEST_SECRET } from './signed-delivery.ts';

/** Every kind of bad token. A receiver must give all of them the same reply. */
export const BAD_TOKENS = [
  'missing',
  'empty',
  'malformed',
  'forged',
  'changed',
  'expired',
  'otherEndpoint',
  'twice',
] as const;

/** A kind of bad token. */
export type BadToken = (typeof BAD_TOKENS)[number];

/**
 * Creates a callback URL with a bad token.
 *
 * @param kind in which way the token is bad
 * @param url the endpoint's address without a token
 * @param options `secret` (default {@link TEST_SECRET}) and `endpoint` (default `novita`) of the
 * receiver under test
 * @example
 * const reply = await receiver.handle(delivery(await badCallbackUrl('expired', url), event)); // 401
 */
export async function badCallbackUrl(
  kind: BadToken,
  url: string,
  { secret = TEST_SECRET, endpoint = 'novita' }: { secret?: string; endpoint?: string } = {},
): Promise<string> {
  const good = await createToken(secret, endpoint);
  switch (kind) {
    case 'missing':
      return url;
    case 'empty':
      return `${url}?token=`;
    case 'malformed':
      return `${url}?token=not-a-token`;
    case 'forged':
      return `${url}?token=${await createToken('another secret, 32 characters or more', endpoint)}`;
    case 'changed':
      return `${url}?token=${good.slice(0, -2)}${good.endsWith('AA') ? 'BB' : 'AA'}`;
    case 'expired':
      return `${url}?token=${await createToken(secret, endpoint, EPOCH_CLOCK)}`;
    case 'otherEndpoint':
      return `${url}?token=${await createToken(secret, `${endpoint}-other`)}`;
    case 'twice':
      return `${url}?token=${good}&token=${good}`;
  }
}

/** Stands at 1970-01-01: a token that it dates has expired. */
const EPOCH_CLOCK: Clock = { ...systemClock, now: () => 0 };

async function createToken(secret: string, endpoint: string, clock = systemClock): Promise<string> {
  const receiver = createReceiver({ url: 'https://example.com/', secret, endpoint, clock });
  const url = new URL(await receiver.createCallbackUrl());
  return url.searchParams.get('token') ?? '';
}
