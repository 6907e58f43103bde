import * as z from 'zod';

import { parseArgument, strictOptions } from '../shared/check-options.ts';
import type { Clock } from '../shared/clock.ts';
import { WebhookError } from '../shared/errors.ts';
import { mustAwait } from '../shared/must-await.ts';
import type { TerminalStatus } from '../events/task-result.ts';
import type { JsonObject } from '../shared/json.ts';
import { validateJson, type StandardSchema } from '../shared/standard-schema.ts';
import { checkMetadata } from './metadata.ts';
import type { Tokens } from './token.ts';

/** What `receiver.createCallback()` takes. */
export type CallbackOptions<Input extends object = object> = CallbackSettings &
  MetadataOption<Input>;

/** The metadata can be left out if none of its members is required. */
export type MetadataOption<Input extends object> =
  Partial<Input> extends Input
    ? {
        /** Becomes `context.metadata`. In a URL: at most 1024 bytes of JSON, signed, not encrypted. */
        readonly metadata?: Input | undefined;
      }
    : {
        /** Becomes `context.metadata`. In a URL: at most 1024 bytes of JSON, signed, not encrypted. */
        readonly metadata: Input;
      };

/** The argument can be left out if none of its members is required. */
export type OptionalArgument<Options extends object> =
  Partial<Options> extends Options ? [options?: Options] : [options: Options];

/**
 * The metadata that `createCallback()` takes, if handlers get `Metadata` and there is no schema. If its
 * members have no names, any object.
 */
export type MetadataInput<Metadata extends object> = string extends keyof Metadata
  ? object
  : Metadata;

/** What `createCallback()` takes beside the metadata. */
export interface CallbackSettings {
  /**
   * Milliseconds until the URL expires. Default 7 days: as long as the inbox remembers done tasks, so
   * that a late copy cannot be handled again. `Infinity`: the URL does not expire.
   */
  readonly expiresInMs?: number | undefined;
  /** Novita sends a simulated event with this status at once and does not run the task. */
  readonly testMode?: TerminalStatus | undefined;
  /**
   * Whether the URL belongs to the first task whose result arrives with it. Results of other tasks are
   * refused, as long as the inbox has that one. Needs an inbox with `bindsTokens`, as ours are. Default
   * `false`: one URL can serve many tasks.
   */
  readonly oneTask?: boolean | undefined;
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

const schema = strictOptions({
  metadata: z.unknown().optional(),
  expiresInMs: z
    .custom<number>(
      (value) => typeof value === 'number' && value > 0,
      'must be milliseconds above 0',
    )
    .default(SEVEN_DAYS_MS),
  testMode: z.enum(['TASK_STATUS_SUCCEED', 'TASK_STATUS_FAILED']).optional(),
  oneTask: z.boolean().default(false),
});

/** What minting callback URLs needs. */
export interface CallbackParts {
  readonly url: string | null;
  readonly endpoint: string;
  readonly tokens: Tokens | null;
  readonly metadataSchema: StandardSchema | undefined;
  readonly clock: Clock;
}

/** @param onUsed called before each URL is minted */
export function createCallbackMethods(
  parts: CallbackParts,
  onUsed: () => void,
): {
  readonly createCallback: (options?: CallbackOptions) => Promise<CallbackConfig>;
  readonly createCallbackUrl: (options?: CallbackOptions) => Promise<string>;
} {
  const mint = (options: CallbackOptions = {}) => {
    onUsed();
    return mintCallback(options, parts);
  };
  return {
    createCallback(options) {
      const webhook = mint(options).then((minted) => minted.webhook);
      return mustAwait(webhook, 'createCallback', ['url']);
    },
    createCallbackUrl(options) {
      const url = mint(options).then((minted) => minted.webhook.url);
      return mustAwait(url, 'createCallbackUrl');
    },
  };
}

/** What `extra.webhook` gets, and the id of the token in its URL; `null` without one. */
export interface MintedCallback {
  readonly webhook: CallbackConfig;
  readonly tokenId: string | null;
}

/** @throws WebhookError `invalid_option` without a url, `invalid_argument` */
export async function mintCallback(
  options: CallbackOptions,
  { url, endpoint, tokens, metadataSchema, clock }: CallbackParts,
): Promise<MintedCallback> {
  if (url === null) {
    const message =
      'createCallback: the receiver has no url. Pass url, the public address of the endpoint, to createReceiver.';
    throw new WebhookError('invalid_option', message);
  }
  const { metadata, expiresInMs, testMode, oneTask } = checkOptions(options);
  const testing = testMode === undefined ? {} : { test_mode: testModeOf(testMode) };
  if (tokens === null) {
    rejectTokenOptions(options);
    return { webhook: { url, ...testing }, tokenId: null };
  }
  await requireFit('createCallback', metadata, metadataSchema);
  const expiresAt = expiresInMs === Infinity ? null : Math.ceil(clock.now() + expiresInMs);
  const claims = { endpoint, expiresAt, metadata, testMode: testMode !== undefined, oneTask };
  const { token, tokenId } = await tokens.mint(claims, clock.now());
  const signed = `${url}${url.includes('?') ? '&' : '?'}token=${token}`;
  return { webhook: { url: signed, ...testing }, tokenId };
}

/** The metadata is stored as it is passed. The schema validates it again for the handlers. */
export async function requireFit(
  method: string,
  metadata: JsonObject,
  schema: StandardSchema | undefined,
): Promise<void> {
  if (schema === undefined) return;
  const validated = await validateJson(schema, 'metadata', metadata);
  if ('output' in validated) return;
  const message = `${method}: the metadata does not fit the schema of the receiver: ${validated.fault}. Correct it.`;
  throw new WebhookError('invalid_argument', message);
}

function rejectTokenOptions({ metadata, expiresInMs, oneTask }: CallbackOptions): void {
  if (metadata === undefined && expiresInMs === undefined && oneTask !== true) return;
  const message =
    'createCallback: metadata, expiresInMs and oneTask need a token, and insecure: true has none. Leave them out or pass a secret.';
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
