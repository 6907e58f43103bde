import type { HandlerFailure } from '../inbox/ports.ts';
import {
  describeError,
  isWebhookError,
  retryDelayOf,
  stackOf,
  summariseError,
  WebhookError,
} from '../shared/errors.ts';

/** The failure of one handler, and what it means for the next attempt. */
export interface Failure {
  /** What the handler threw, if it did. */
  readonly thrown?: readonly [unknown];
  readonly reason: string;
  readonly stack?: string | undefined;
  readonly logged: HandlerFailure;
  /** No further attempt may be made. */
  readonly isFinal: boolean;
  /** The delay that the handler asked for. */
  readonly delayMs: number | null;
}

export function toStuckFailure(handler: string, timeoutMs: number): Failure {
  const reason =
    `the handler ignored its signal for ${timeoutMs} ms after its timeout and may still be ` +
    'running. Replay the entry when it has ended.';
  const logged = toLogged(handler, new WebhookError('handler_timeout', reason));
  return { reason, logged, isFinal: true, delayMs: null };
}

export function toFailure(handler: string, thrown: unknown): Failure {
  return {
    thrown: [thrown],
    logged: toLogged(handler, thrown),
    reason: describeError(thrown),
    stack: stackOf(thrown),
    isFinal: isWebhookError(thrown, 'permanent') || isWebhookError(thrown, 'invalid_metadata'),
    delayMs: retryDelayOf(thrown),
  };
}

const MAX_NAME_LENGTH = 100;

function toLogged(handler: string, thrown: unknown): HandlerFailure {
  return { handler: handler.slice(0, MAX_NAME_LENGTH), ...summariseError(thrown) };
}
