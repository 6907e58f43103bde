import type { TokenClaims, TokenRefusal, Tokens } from '../callback/token.ts';
import { readEvent } from '../events/envelope.ts';
import type { BestEffortEvents } from '../handlers/best-effort-events.ts';
import { monotonicMs, type Clock } from '../shared/clock.ts';
import { isWebhookError, WebhookError, type ReplyCode } from '../shared/errors.ts';
import { parseJson } from '../shared/json.ts';
import { errorFields } from '../shared/logger.ts';
import { isPromise } from '../shared/is-promise.ts';
import type { AcceptEvent } from './accept-event.ts';
import { readBody } from './body.ts';
import type { BodyMemory, HeldBytes } from './body-memory.ts';
import type { DeliveryLimits } from './limits.ts';
import type { RefusedDeliveries } from './refused-deliveries.ts';
import { RefusedTokenError, reportRefusal, type ReportRefusalOptions } from './refuse-token.ts';
import { isReplyCode, replies } from './replies.ts';
import {
  readParts,
  type RequestParts,
  type RuntimeContext,
  type WebhookReply,
  type WebhookRequest,
} from './request.ts';
import { toEntry } from './to-entry.ts';
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
  const { endpoint, limits, clock, bestEffortEvents } = options;

  /** The steps of a delivery. A step that refuses it throws an error with the code of the reply. */
  async function receive(
    request: WebhookRequest,
    runtime: RuntimeContext,
    held: HeldBytes,
    startedAt: number,
  ): Promise<ReplyCode> {
    const parts = readParts(request);
    requirePost(parts);
    const claims = requireToken(parts, options);
    const { metadata, testMode, tokenId } = isPromise(claims) ? await claims : claims;
    if (options.isClosed()) throw new WebhookError('closing', 'the receiver is closing');
    const remainingMs = () => limits.replyTimeoutMs - (monotonicMs(clock) - startedAt);
    const bodyTimeoutMs = Math.min(limits.bodyTimeoutMs, remainingMs());
    const body = await readBody(parts, { ...limits, bodyTimeoutMs }, held, clock);
    const incoming = readEvent(parseJson(body));
    if (incoming.kind === 'other') {
      return toReply(bestEffortEvents.other(incoming.event), remainingMs(), runtime);
    }
    const provenance = { metadata, testMode, tokenId, traceparent: traceparentOf(parts) };
    const received = toEntry(incoming.event, provenance, { endpoint, clock });
    const { entry } = received;
    if (entry.testMode && options.testEvents === 'ignore') return 'ignored';
    if (incoming.kind === 'progress') {
      return toReply(bestEffortEvents.progress(entry), remainingMs(), runtime);
    }
    return options.acceptEvent(received, remainingMs(), runtime);
  }

  /** @param work of the handlers; `null` if no handler wants the event */
  async function toReply(
    work: Promise<unknown> | null,
    remainingMs: number,
    runtime: RuntimeContext,
  ): Promise<ReplyCode> {
    if (work === null) return 'ignored';
    await finishWithinRequest(work, remainingMs, runtime, options);
    return 'accepted';
  }

  return async function handle(request, runtime) {
    let code: ReplyCode;
    let refusal: TokenRefusal | null = null;
    const held = options.bodyMemory.hold();
    try {
      code = await receive(request, runtime, held, monotonicMs(clock));
    } catch (error) {
      code = toReplyCode(error, options);
      if (error instanceof RefusedTokenError) refusal = error.refusal;
    } finally {
      held.release();
    }
    options.countReply(code);
    const reply = replies[code];
    const at = clock.now();
    if (reply.status >= 300) options.refusedDeliveries.add(request, { at, code, token: refusal });
    return reply;
  };
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
  const [, query = ''] = /^[^?#]*\?([^#]*)/.exec(url) ?? [];
  const isEncoded = /[%+]/.test(query); // never by us, and decoding costs as much as parsing a body
  const tokens = isEncoded
    ? new URLSearchParams(query).getAll('token')
    : query.split('&').flatMap((it) => /^token(?:=(.*))?$/s.exec(it)?.slice(1) ?? []);
  return tokens.length === 1 ? tokens[0] : undefined;
}

/** W3C Trace Context, version 00 and what extends it. */
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;

function traceparentOf(parts: RequestParts): string | null {
  const value = parts.header('traceparent') ?? '';
  return TRACEPARENT.test(value) ? value : null;
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
