import { isObject, type JsonObject } from './json.ts';
import { TOKEN_PATTERN } from './token-pattern.ts';

const REDACTED = '[redacted]';

/**
 * The payload as JSON text without tokens. Novita echoes the callback URL in
 * `payload.extra.webhook.url`. Tokens in any other text or key are redacted as well.
 */
export function redactPayload(payload: JsonObject): string {
  return redactJson(withoutUrlSecret(payload));
}

/** A value of bounded depth as JSON text, without tokens in any text or key. */
export function redactJson(value: unknown): string {
  const text = JSON.stringify(value);
  return text.search(TOKEN_PATTERN) === -1 ? text : JSON.stringify(walk(value));
}

/** Text by text, because in serialised JSON an escape such as `\n` can look like part of a token. */
function walk(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(walk);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, it]) => [redactText(key), walk(it)]));
}

function redactText(text: string): string {
  return text.replace(TOKEN_PATTERN, REDACTED);
}

function withoutUrlSecret(payload: JsonObject): JsonObject {
  const { extra } = payload;
  if (!isObject(extra) || !isObject(extra['webhook'])) return payload;
  const { url } = extra['webhook'];
  if (typeof url !== 'string') return payload;
  return { ...payload, extra: { ...extra, webhook: { ...extra['webhook'], url: redactUrl(url) } } };
}

/** Works on the text, so that an invalid URL is redacted as well. */
function redactUrl(url: string): string {
  return url
    .replace(/([?&;]token=)[^&;#]*/gi, `$1${REDACTED}`)
    .replace(/^(\w+:\/\/)[^/?#@]*@/, `$1${REDACTED}@`);
}
