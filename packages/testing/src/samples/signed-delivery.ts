import type { Receiver, WebhookRequest } from '@novita-webhooks/core';

/** A secret for tests, longer than the minimum of 32 characters. */
export const TEST_SECRET = 'a secret for tests, 32 characters or more';

/**
 * Creates the request that Novita would send: the event, posted to a callback URL that the receiver
 * signed.
 *
 * @param receiver needs the options `url` and `secret`
 * @param event the event, for instance one of `sampleEvents`
 * @param metadata becomes `context.metadata` of the handlers
 * @throws WebhookError the error of `receiver.createCallback`
 * @example
 * const reply = await receiver.handle(await signedDelivery(receiver, sampleEvents.failed()));
 */
export async function signedDelivery(
  receiver: Pick<Receiver<object>, 'createCallback'>,
  event: unknown,
  metadata: object = {},
): Promise<WebhookRequest> {
  return delivery((await receiver.createCallback({ metadata })).url, event);
}

/**
 * Creates a POST request with an event as JSON.
 *
 * @param url where to post to; its token is not checked here
 * @example
 * const reply = await receiver.handle(delivery('/webhooks/novita', sampleEvents.failed())); // 401
 */
export function delivery(url: string, event: unknown): WebhookRequest {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
  };
}
