import { z } from 'zod';

import { problems } from '../shared/check-options.ts';
import type { Clock } from '../shared/clock.ts';
import { WebhookError } from '../shared/errors.ts';
import { isObject } from '../shared/json.ts';
import type { TerminalStatus } from '../events/task-result.ts';
import type { Tokens } from './token.ts';

/** What `receiver.createCallback()` takes. */
export interface CallbackOptions {
  /** Comes back as `context.metadata`. Up to 1024 bytes of JSON. Signed, but readable to all. */
  readonly metadata?: object | undefined;
  /**
   * Milliseconds until the URL stops working. Default 7 days, as long as done tasks are remembered:
   * so nothing delivered to it can be handled again. `Infinity` for a URL that does not expire.
   */
  readonly expiresInMs?: number | undefined;
  /** Have Novita send a simulated event of this status at once, without running the task. */
  readonly testMode?: TerminalStatus | undefined;
}

/** What goes into `extra.webhook` of a submit call. */
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
  metadata: z.record(z.string(), z.json(), 'must be an object of JSON values').default({}),
  expiresInMs: z
    .custom<number>(
      (value) => typeof value === 'number' && value > 0,
      'must be milliseconds above 0',
    )
    .default(SEVEN_DAYS_MS),
  testMode: z.enum(['TASK_STATUS_SUCCEED', 'TASK_STATUS_FAILED']).optional(),
});

/** What is needed to make callback URLs. */
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
      'callback: createReceiver needs the option url, the public address of the endpoint';
    throw new WebhookError('invalid_option', message);
  }
  const { metadata, expiresInMs, testMode } = checkOptions(options);
  const testing = testMode === undefined ? {} : { test_mode: testModeOf(testMode) };
  if (tokens === null) {
    refuseWhatNeedsAToken(options);
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

function refuseWhatNeedsAToken({ metadata, expiresInMs }: CallbackOptions): void {
  if (metadata === undefined && expiresInMs === undefined) return;
  const message =
    'callback: metadata and expiresInMs travel in the token, and insecure: true has none';
  throw new WebhookError('invalid_argument', message);
}

function testModeOf(status: TerminalStatus) {
  return { enabled: true, return_task_status: status } as const;
}

/** As `JSON.stringify` does it: a field that a request did not have is no mistake. */
function withoutUndefined(metadata: unknown): unknown {
  return isObject(metadata)
    ? Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined))
    : metadata;
}

function checkOptions(options: CallbackOptions) {
  const parsed = schema.safeParse({ ...options, metadata: withoutUndefined(options.metadata) });
  if (!parsed.success) {
    throw new WebhookError('invalid_argument', `callback: ${problems(parsed.error)}`);
  }
  const bytes = new TextEncoder().encode(JSON.stringify(parsed.data.metadata)).byteLength;
  if (bytes > MAX_METADATA_BYTES) {
    const message = `callback: metadata takes ${bytes} bytes of JSON, at most ${MAX_METADATA_BYTES} fit into a URL`;
    throw new WebhookError('invalid_argument', message);
  }
  return parsed.data;
}
