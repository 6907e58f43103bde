import type { Announcer } from '../handlers/best-effort-events.ts';
import { readBody } from './body.ts';
import { isWebhookError, WebhookError, type ReplyCode } from '../shared/errors.ts';
import { readEvent } from '../events/envelope.ts';
import { parseJson } from '../shared/json.ts';
import type { Keeper } from './accept-event.ts';
import { errorFields, type Logger } from '../shared/logger.ts';
import type { ResolvedOptions } from '../options.ts';
import { isReplyCode, replies } from './replies.ts';
import type { RuntimeContext, WebhookReply, WebhookRequest } from './request.ts';
import { toEntry, type Grant } from './to-entry.ts';
import type { Tokens } from '../callback/token.ts';

/** What the way of an event leads to, behind the door. */
export interface PipelineParts {
  readonly options: ResolvedOptions;
  /** `null`: insecure. */
  readonly tokens: Tokens | null;
  readonly log: Logger;
  readonly isClosed: () => boolean;
  /** Keeps an entry, waiting no longer than `budgetMs`. */
  readonly keep: Keeper;
  readonly announcer: Announcer;
  readonly count: (code: ReplyCode) => void;
}

/** The way of one delivery, from the request to the reply. Never rejects. */
export function createPipeline(parts: PipelineParts) {
  const { options, announcer, count, log } = parts;
  const { maxBodyBytes, bodyTimeoutMs, replyTimeoutMs } = options.limits;

  async function receive(
    request: WebhookRequest,
    runtime: RuntimeContext,
    startedAt: number,
  ): Promise<ReplyCode> {
    requirePost(request);
    const grant = await requireToken(request, parts);
    if (parts.isClosed()) throw new WebhookError('closing', 'the receiver is closing');
    const leftMs = () => replyTimeoutMs - (options.clock.now() - startedAt);
    const limits = { maxBodyBytes, bodyTimeoutMs: Math.min(bodyTimeoutMs, leftMs()) };
    const body = await readBody(request, limits, options.clock);
    const incoming = readEvent(parseJson(body));
    if (incoming.kind === 'other') {
      return announcer.other(incoming.event) ? 'accepted' : 'ignored';
    }
    const entry = toEntry(incoming.event, grant, options);
    if (entry.testMode && options.testEvents === 'ignore') return 'ignored';
    if (incoming.kind === 'progress') {
      return announcer.progress(entry) ? 'accepted' : 'ignored';
    }
    return parts.keep(entry, leftMs(), runtime);
  }

  return async function handle(
    request: WebhookRequest,
    runtime: RuntimeContext,
  ): Promise<WebhookReply> {
    const startedAt = options.clock.now();
    const code = await receive(request, runtime, startedAt).catch((error: unknown) =>
      rejection(error, log),
    );
    count(code);
    return replies[code];
  };
}

function requirePost({ method }: WebhookRequest): void {
  if (method !== 'POST') throw new WebhookError('method_not_allowed', 'not a POST');
}

async function requireToken(request: WebhookRequest, parts: PipelineParts): Promise<Grant> {
  const { tokens, options, log } = parts;
  if (tokens === null) return { metadata: {}, testMode: false };
  const verdict = await tokens.verify(tokenOf(request.url), options.endpoint, options.clock.now());
  if (typeof verdict === 'object') return verdict;
  // What we signed ourselves is worth a warning; what strangers make up must not fill the log.
  const level = verdict === 'expired' || verdict === 'other_endpoint' ? 'warn' : 'debug';
  log[level]({ token: verdict }, 'a delivery was refused for its token');
  throw new WebhookError('unauthorized', `the token is ${verdict}`);
}

/** The one `token` of the query; several would leave it open which one counts. */
function tokenOf(url: string): string | undefined {
  const [, query = ''] = url.split('#', 1)[0]?.split(/\?(.*)/s) ?? [];
  const tokens = new URLSearchParams(query).getAll('token');
  return tokens.length === 1 ? tokens[0] : undefined;
}

function rejection(error: unknown, log: Logger): ReplyCode {
  if (isWebhookError(error) && isReplyCode(error.code)) {
    log[error.code === 'body_already_read' ? 'error' : 'debug'](
      { code: error.code },
      error.message,
    );
    return error.code;
  }
  log.error(errorFields(error), 'a delivery could not be processed; Novita will try again');
  return 'inbox_unavailable';
}
