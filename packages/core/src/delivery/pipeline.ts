import type { TokenClaims, Tokens } from '../callback/token.ts';
import { readEvent } from '../events/envelope.ts';
import type { BestEffortEvents } from '../handlers/best-effort-events.ts';
import { monotonicMs, type Clock } from '../shared/clock.ts';
import { isWebhookError, WebhookError, type ReplyCode } from '../shared/errors.ts';
import { parseJson } from '../shared/json.ts';
import { errorFields, type Logger } from '../shared/logger.ts';
import type { AcceptEvent } from './accept-event.ts';
import { readBody } from './body.ts';
import { isReplyCode, replies } from './replies.ts';
import type { RuntimeContext, WebhookReply, WebhookRequest } from './request.ts';
import { toEntry } from './to-entry.ts';

/** How much of a delivery is read, and how long its reply may take. */
export interface DeliveryLimits {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
  readonly replyTimeoutMs: number;
}

/** What the pipeline of one receiver needs. */
export interface PipelineOptions {
  readonly endpoint: string;
  readonly limits: DeliveryLimits;
  readonly testEvents: 'handle' | 'ignore';
  readonly clock: Clock;
  readonly log: Logger;
  /** `null` with `insecure: true`: no token is required. */
  readonly tokens: Tokens | null;
  readonly isClosed: () => boolean;
  readonly acceptEvent: AcceptEvent;
  readonly bestEffortEvents: BestEffortEvents;
  readonly countReply: (code: ReplyCode) => void;
}

/** Takes one delivery from the request to the reply. Never rejects. */
export type Pipeline = (request: WebhookRequest, runtime: RuntimeContext) => Promise<WebhookReply>;

export function createPipeline(options: PipelineOptions): Pipeline {
  const { endpoint, limits, clock, log, bestEffortEvents } = options;

  /** The steps of a delivery. A step that refuses it throws an error with the code of the reply. */
  async function receive(
    request: WebhookRequest,
    runtime: RuntimeContext,
    startedAt: number,
  ): Promise<ReplyCode> {
    requirePost(request);
    const claims = await requireToken(request, options);
    if (options.isClosed()) throw new WebhookError('closing', 'the receiver is closing');
    const remainingMs = () => limits.replyTimeoutMs - (monotonicMs(clock) - startedAt);
    const bodyTimeoutMs = Math.min(limits.bodyTimeoutMs, remainingMs());
    const body = await readBody(request, { ...limits, bodyTimeoutMs }, clock);
    const incoming = readEvent(parseJson(body));
    if (incoming.kind === 'other') {
      return bestEffortEvents.other(incoming.event) ? 'accepted' : 'ignored';
    }
    const entry = toEntry(incoming.event, claims, { endpoint, clock });
    if (entry.testMode && options.testEvents === 'ignore') return 'ignored';
    if (incoming.kind === 'progress') {
      return bestEffortEvents.progress(entry) ? 'accepted' : 'ignored';
    }
    return options.acceptEvent(entry, remainingMs(), runtime);
  }

  return async function handle(request, runtime) {
    const code = await receive(request, runtime, monotonicMs(clock)).catch((error: unknown) =>
      toReplyCode(error, log),
    );
    options.countReply(code);
    return replies[code];
  };
}

function requirePost({ method }: WebhookRequest): void {
  if (method !== 'POST') throw new WebhookError('method_not_allowed', 'the method is not POST');
}

async function requireToken(
  request: WebhookRequest,
  { tokens, endpoint, clock, log }: PipelineOptions,
): Promise<Pick<TokenClaims, 'metadata' | 'testMode'>> {
  if (tokens === null) return { metadata: {}, testMode: false };
  const verdict = await tokens.verify(tokenOf(request.url), endpoint, clock.now());
  if (typeof verdict === 'object') return verdict;
  // A token that this secret signed is worth a warning. Forged ones must not fill the log.
  const level = verdict === 'expired' || verdict === 'other_endpoint' ? 'warn' : 'debug';
  log[level]({ token: verdict }, 'pipeline: refused a delivery because of its token');
  throw new WebhookError('unauthorized', `the token is ${verdict}`);
}

/** The `token` parameter of the query; `undefined` unless there is exactly one. */
function tokenOf(url: string): string | undefined {
  const [, query = ''] = url.split('#', 1)[0]?.split(/\?(.*)/s) ?? [];
  const tokens = new URLSearchParams(query).getAll('token');
  return tokens.length === 1 ? tokens[0] : undefined;
}

function toReplyCode(error: unknown, log: Logger): ReplyCode {
  if (isWebhookError(error) && isReplyCode(error.code)) {
    const level = error.code === 'body_already_read' ? 'error' : 'debug';
    log[level]({ code: error.code }, `pipeline: ${error.message}`);
    return error.code;
  }
  log.error(errorFields(error), 'pipeline: a delivery failed. Novita retries it up to five times.');
  return 'inbox_unavailable';
}
