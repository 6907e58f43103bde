import { isObject, type JsonObject } from './json.ts';
import { TOKEN_PATTERN } from './token-pattern.ts';

const REDACTED = '[redacted]';

/**
 * The payload as JSON text, without the secret that lets deliveries in. Novita echoes the callback
 * URL in `payload.extra.webhook.url`, and may copy it elsewhere, so tokens go wherever they stand.
 */
export function redactPayload(payload: JsonObject): string {
  return redactJson(withoutUrlSecret(payload));
}

/** Any value of bounded depth as JSON text, with no token in any text or key. */
export function redactJson(value: unknown): string {
  const text = JSON.stringify(value);
  return text.search(TOKEN_PATTERN) === -1 ? text : JSON.stringify(walk(value));
}

/** Text by text: in the middle of JSON an escape such as `\n` can look like part of a token. */
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

/** Textual, so that a URL no parser accepts is redacted as well. */
function redactUrl(url: string): string {
  return url
    .replace(/([?&;]token=)[^&;#]*/gi, `$1${REDACTED}`)
    .replace(/^(\w+:\/\/)[^/?#@]*@/, `$1${REDACTED}@`);
}
