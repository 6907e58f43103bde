import { createReceiver } from '@novita-webhooks/core';

import type { JsonObject } from '../json.ts';
import type { FinalStatus } from '../novita-types.ts';
import { CommandError } from './errors.ts';

/** What the token of a signed URL carries. */
export interface SigningOptions {
  readonly secret: string;
  readonly endpoint: string;
  readonly metadata: JsonObject | undefined;
  readonly testMode: FinalStatus | undefined;
  /** Default: that of `createCallback`. */
  readonly expiresInMs?: number | undefined;
}

const ignore = (): void => undefined;
const silentLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/**
 * The secret that was passed.
 *
 * @throws CommandError `usage` without a secret, or with an empty one
 */
export const requireSecret = (secret: string | undefined): string => {
  if (secret !== undefined && secret !== '') return secret;
  const message =
    'the secret of the receiver is not set. Set NOVITA_WEBHOOK_SECRET, for a first try with: ' +
    'export NOVITA_WEBHOOK_SECRET="$(openssl rand -hex 32)"';
  throw new CommandError('usage', message);
};

/**
 * Signs a URL as the receiver with the same secret and endpoint would.
 *
 * @throws WebhookError `invalid_option` or `invalid_argument`, with what is wrong with the value
 */
export const signUrl = async (url: string, options: SigningOptions): Promise<string> => {
  const { secret, endpoint, metadata, testMode, expiresInMs } = options;
  const receiver = createReceiver({ url, secret, endpoint, logger: silentLogger });
  const callback = await receiver.createCallback({ metadata, testMode, expiresInMs });
  await receiver.close();
  return callback.url;
};
