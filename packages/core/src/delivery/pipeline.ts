import type { TokenClaims, TokenRefusal, Tokens } from '../callback/token.ts';
import { readEvent, type IncomingEvent } from '../events/envelope.ts';
import type { BestEffortEvents } from '../handlers/best-effort-events.ts';
import { monotonicMs, type Clock } from '../shared/clock.ts';
import { isWebhookError, WebhookError, type ReplyCode } from '../shared/errors.ts';
import { parseJson } from '../shared/json.ts';
import { errorFields } from '../shared/logger.ts';
import { isPromise } from '../shared/is-promise.ts';
import type { AcceptEvent } from './accept-event.ts';
import { readBody, type BodyLimits } from './body.ts';
import type { BodyMemory, HeldBytes } from './body-memory.ts';
import type { DeliveryLimits } from './limits.ts';
import type { RefusedDeliveries } from './refused-deliveries.ts';
import { RefusedTokenError, reportRefusal, type ReportRefusalOptions } from './refuse-token.ts';
import { isReplyCode, replies } from './replies.ts';
import {
  headerOf,
  readParts,
  type RequestParts,
  type RuntimeContext,
  type WebhookReply,
  type WebhookRequest,
} from './request.ts';
import { toEntry, type Provenance } from './to-entry.ts';
import { finishWithinRequest } from './within-request.ts';

/** What the pipeline of one receiver needs. */
export interface PipelineOptions extends ReportRefusalOptions {
  readonly endpoint: string;
  readonly limits: DeliveryLimits;
  readonly bodyMemory: BodyMemory;
  readonly testEvents: 'handle' | 'ignore';
  readonly clock: Clock;
  /** `null` with `insecure: true`: no token is required. */
  readonly tokens: Tokens | null;
  readonly isClosed: () => boolean;
  readonly acceptEvent: AcceptEvent;
  readonly bestEffortEvents: BestEffortEvents;
  readonly countReply: (code: ReplyCode) => void;
  readonly refusedDeliveries: Pick<RefusedDeliveries, 'add'>;
}

/** Takes one delivery from the request to the reply. Never rejects. */
export type Pipeline = (request: WebhookRequest, runtime: RuntimeContext) => Promise<WebhookReply>;

export function createPipeline(options: PipelineOptions): Pipeline {
  const { limits, clock } = options;

  /** The steps of a delivery. A step that refuses it throws an error with the code of the reply. */
  async function receive(
    request: WebhookRequest,
    runtime: RuntimeContext,
    held: HeldBytes,
  ): Promise<ReplyCode> {
    const deadline = monotonicMs(clock) + limits.replyTimeoutMs;
    const parts = readParts(request);
    requirePost(parts);
    const checking = requireToken(parts, options);
    const claims = isPromise(checking) ? await checking : checking;
    if (options.isClosed()) throw new WebhookError('closing', 'the receiver is closing');
    const reading = readBody(parts, limitsUntil(deadline), held, clock);
    const body = isPromise(reading) ? await reading : reading;
    const provenance = toProvenance(claims, parts);
    return takeEvent(readEvent(parseJson(body)), provenance, deadline, runtime, options);
  }

  function limitsUntil(deadline: number): BodyLimits {
    const bodyTimeoutMs = Math.min(limits.bodyTimeoutMs, deadline - monotonicMs(clock));
    return { maxBodyBytes: limits.maxBodyBytes, bodyTimeoutMs };
  }

  return async function handle(request, runtime) {
    let code: ReplyCode;
    let refusal: TokenRefusal | null = null;
    const held = options.bodyMemory.hold();
    try {
      code = await receive(request, runtime, held);
    } catch (error) {
      code = toReplyCode(error, options);
      if (error instanceof RefusedTokenError) refusal = error.refusal;
    } finally {
      held.release();
    }
    options.countReply(code);
    const reply = replies[code];
    if (reply.status >= 300) {
      options.refusedDeliveries.add(request, { at: clock.now(), code, token: refusal });
    }
    return reply;
  };
}

/** What becomes of an event, by its kind. */
function takeEvent(
  incoming: IncomingEvent,
  provenance: Provenance,
  deadline: number,
  runtime: RuntimeContext,
  options: PipelineOptions,
): ReplyCode | Promise<ReplyCode> {
  const { bestEffortEvents, clock } = options;
  const remainingMs = () => deadline - monotonicMs(clock);
  if (incoming.kind === 'other') {
    return toReply(bestEffortEvents.other(incoming.event), remainingMs(), runtime, options);
  }
  const received = toEntry(incoming.event, provenance, options);
  const { entry } = received;
  if (entry.testMode && options.testEvents === 'ignore') return 'ignored';
  if (incoming.kind === 'progress') {
    return toReply(bestEffortEvents.progress(entry), remainingMs(), runtime, options);
  }
  return options.acceptEvent(received, remainingMs(), runtime);
}

/** @param work of the handlers; `null` if no handler wants the event */
async function toReply(
  work: Promise<unknown> | null,
  remainingMs: number,
  runtime: RuntimeContext,
  options: PipelineOptions,
): Promise<ReplyCode> {
  if (work === null) return 'ignored';
  await finishWithinRequest(work, remainingMs, runtime, options);
  return 'accepted';
}

function requirePost({ method }: RequestParts): void {
  if (method !== 'POST') throw new WebhookError('method_not_allowed', 'the method is not POST');
}

type Claims = Pick<TokenClaims, 'metadata' | 'testMode'> & { readonly tokenId: string | null };

function requireToken({ url }: RequestParts, options: PipelineOptions): Claims | Promise<Claims> {
  const { tokens, endpoint, clock } = options;
  if (tokens === null) return { metadata: {}, testMode: false, tokenId: null };
  const verdict = tokens.verify(tokenOf(url), endpoint, clock.now());
  return isPromise(verdict) ? verdict.then(requireClaims) : requireClaims(verdict);
}

/** @throws WebhookError `unauthorized` */
function requireClaims(verdict: TokenClaims | TokenRefusal): Claims {
  if (typeof verdict === 'object') return verdict;
  throw new RefusedTokenError(verdict);
}

/** The `token` parameter of the query; `undefined` unless there is exactly one. */
function tokenOf(url: string): string | undefined {
  const [address = ''] = url.split('#', 1);
  const start = address.indexOf('?');
  const query = start === -1 ? '' : address.slice(start + 1);
  if (/[%+]/.test(query)) {
    const tokens = new URLSearchParams(query).getAll('token'); // not ours: those need no decoding
    return tokens.length === 1 ? tokens[0] : undefined;
  }
  let token: string | undefined;
  for (const parameter of query.split('&')) {
    if (parameter !== 'token' && !parameter.startsWith('token=')) continue;
    if (token !== undefined) return undefined;
    token = parameter.slice('token='.length);
  }
  return token;
}

/** W3C Trace Context, version 00 and what extends it. */
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;

function toProvenance({ metadata, testMode, tokenId }: Claims, parts: RequestParts): Provenance {
  const trace = headerOf(parts, 'traceparent');
  const traceparent = trace !== undefined && TRACEPARENT.test(trace) ? trace : null;
  return { metadata, testMode, tokenId, traceparent };
}

const PARSER_ADVICE =
  'If code before the webhooks changes bodies, such as a parser of forms, mount the webhooks before it.';

/** Refusals after the token was accepted: our own configuration or a proxy has probably caused them. */
const REFUSAL_ADVICE: Readonly<Record<string, string>> = {
  missing_event_type: PARSER_ADVICE,
  missing_task_id: PARSER_ADVICE,
  invalid_json: PARSER_ADVICE,
  unsupported_media_type: 'Send plain JSON. If a proxy compresses bodies, turn that off.',
  body_too_large: 'Raise limits.maxBodyBytes if Novita has sent it.',
};

function toReplyCode(error: unknown, options: PipelineOptions): ReplyCode {
  const { log, limitedLog } = options;
  if (error instanceof RefusedTokenError) reportRefusal(error, options);
  if (isWebhookError(error) && isReplyCode(error.code)) {
    const { code, message } = error;
    const advice = REFUSAL_ADVICE[code];
    if (code === 'body_already_read') limitedLog.error({ code }, `pipeline: ${message}`);
    else if (code === 'overloaded') limitedLog.warn({ code }, `pipeline: ${message}`);
    else if (advice !== undefined) {
      limitedLog.warn({ code }, `pipeline: refused a delivery: ${message}. ${advice}`);
    } else log.debug({ code }, `pipeline: ${message}`);
    return error.code;
  }
  log.error(errorFields(error), 'pipeline: a delivery failed. Novita retries it up to five times.');
  return 'inbox_unavailable';
}
