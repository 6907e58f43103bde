import * as z from 'zod';

import { parseArgument } from '../shared/check-options.ts';
import type { Clock } from '../shared/clock.ts';
import { WebhookError } from '../shared/errors.ts';
import type { TerminalStatus } from '../events/task-result.ts';
import { checkMetadata } from './metadata.ts';
import type { Tokens } from './token.ts';

/** What `receiver.createCallback()` takes. */
export interface CallbackOptions {
  /** Returned as `context.metadata`. At most 1024 bytes of JSON. Signed, but not encrypted. */
  readonly metadata?: object | undefined;
  /**
   * Milliseconds until the URL expires. Default 7 days: as long as the inbox remembers done tasks, so
   * that a late copy cannot be handled again. `Infinity`: the URL does not expire.
   */
  readonly expiresInMs?: number | undefined;
  /** Novita sends a simulated event with this status at once and does not run the task. */
  readonly testMode?: TerminalStatus | undefined;
}

/** The value of `extra.webhook` in a submit call. */
export interface CallbackConfig {
  readonly url: string;
  readonly test_mode?: {
    readonly enabled: true;
    readonly return_task_status: TerminalStatus;
  };
}

const SEVEN_DAYS_MS = 7 * 24 * 60 * 60 * 1000;
const MAX_METADATA_BYTES = 1024;

const schema = z.strictObject({
  metadata: z.unknown().optional(),
  expiresInMs: z
    .custom<number>(
      (value) => typeof value === 'number' && value > 0,
      'must be milliseconds above 0',
    )
    .default(SEVEN_DAYS_MS),
  testMode: z.enum(['TASK_STATUS_SUCCEED', 'TASK_STATUS_FAILED']).optional(),
});

/** What minting callback URLs needs. */
export interface CallbackParts {
  readonly url: string | null;
  readonly endpoint: string;
  readonly tokens: Tokens | null;
  readonly clock: Clock;
}

/** @throws WebhookError `invalid_option` without a url, `invalid_argument` */
export async function createCallback(
  options: CallbackOptions,
  { url, endpoint, tokens, clock }: CallbackParts,
): Promise<CallbackConfig> {
  if (url === null) {
    const message =
      'createCallback: the receiver has no url. Pass url, the public address of the endpoint, to createReceiver.';
    throw new WebhookError('invalid_option', message);
  }
  const { metadata, expiresInMs, testMode } = checkOptions(options);
  const testing = testMode === undefined ? {} : { test_mode: testModeOf(testMode) };
  if (tokens === null) {
    rejectTokenOptions(options);
    return { url, ...testing };
  }
  const expiresAt = expiresInMs === Infinity ? null : Math.ceil(clock.now() + expiresInMs);
  const token = await tokens.mint({
    endpoint,
    expiresAt,
    metadata,
    testMode: testMode !== undefined,
  });
  return { url: `${url}${url.includes('?') ? '&' : '?'}token=${token}`, ...testing };
}

function rejectTokenOptions({ metadata, expiresInMs }: CallbackOptions): void {
  if (metadata === undefined && expiresInMs === undefined) return;
  const message =
    'createCallback: metadata and expiresInMs need a token, and insecure: true has none. Leave them out or pass a secret.';
  throw new WebhookError('invalid_argument', message);
}

function testModeOf(status: TerminalStatus) {
  return { enabled: true, return_task_status: status } as const;
}

function checkOptions(options: CallbackOptions) {
  const { metadata: unchecked, ...rest } = parseArgument('createCallback', schema, options);
  const metadata = checkMetadata('createCallback', unchecked);
  const bytes = new TextEncoder().encode(JSON.stringify(metadata)).byteLength;
  if (bytes > MAX_METADATA_BYTES) {
    const message = `createCallback: metadata has ${bytes} bytes of JSON, at most ${MAX_METADATA_BYTES} fit into a URL. Pass an id instead.`;
    throw new WebhookError('invalid_argument', message);
  }
  return { ...rest, metadata };
}
