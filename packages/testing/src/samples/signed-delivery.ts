import {
  createReceiver,
  systemClock,
  type Clock,
  type Receiver,
  type WebhookRequest,
} from '@novita-webhooks/core';

/** A secret for tests, long enough to be accepted. */
export const TEST_SECRET = 'a secret for tests, 32 characters or more';

/**
 * A delivery as Novita would make it: the event posted to a callback URL that the receiver signed.
 *
 * @example
 * const reply = await receiver.handle(await signedDelivery(receiver, sampleEvents.failed()));
 */
export async function signedDelivery(
  receiver: Pick<Receiver, 'createCallback'>,
  event: unknown,
  metadata: Readonly<Record<string, unknown>> = {},
): Promise<WebhookRequest> {
  return delivery((await receiver.createCallback({ metadata })).url, event);
}

/** An event posted to any URL. */
export function delivery(url: string, event: unknown): WebhookRequest {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
  };
}

/** The ways in which a token can be bad. Each must be answered alike. */
export type BadToken =
  'missing' | 'empty' | 'malformed' | 'forged' | 'changed' | 'expired' | 'otherEndpoint' | 'twice';

/**
 * A callback URL with a bad token, for an endpoint that signs with `secret` under `endpoint`.
 *
 * @param url the endpoint's address without a token
 */
export async function badCallbackUrl(
  kind: BadToken,
  url: string,
  { secret = TEST_SECRET, endpoint = 'novita' }: { secret?: string; endpoint?: string } = {},
): Promise<string> {
  const good = await mintToken(secret, endpoint);
  switch (kind) {
    case 'missing':
      return url;
    case 'empty':
      return `${url}?token=`;
    case 'malformed':
      return `${url}?token=not-a-token`;
    case 'forged':
      return `${url}?token=${await mintToken('another secret, 32 characters or more', endpoint)}`;
    case 'changed':
      return `${url}?token=${good.slice(0, -2)}${good.endsWith('AA') ? 'BB' : 'AA'}`;
    case 'expired':
      return `${url}?token=${await mintToken(secret, endpoint, EPOCH_CLOCK)}`;
    case 'otherEndpoint':
      return `${url}?token=${await mintToken(secret, `${endpoint}-other`)}`;
    case 'twice':
      return `${url}?token=${good}&token=${good}`;
  }
}

/** Mints at the beginning of 1970: what expires after a week has expired long ago. */
const EPOCH_CLOCK: Clock = { ...systemClock, now: () => 0 };

async function mintToken(secret: string, endpoint: string, clock = systemClock): Promise<string> {
  const receiver = createReceiver({ url: 'https://example.com/', secret, endpoint, clock });
  const url = new URL(await receiver.createCallbackUrl());
  return url.searchParams.get('token') ?? '';
}

/** Every kind of bad token. */
export const BAD_TOKENS: readonly BadToken[] = [
  'missing',
  'empty',
  'malformed',
  'forged',
  'changed',
  'expired',
  'otherEndpoint',
  'twice',
];
