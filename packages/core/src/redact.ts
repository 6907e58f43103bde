import { isObject, type JsonObject } from './json.ts';
import { TOKEN_PATTERN } from './token.ts';

const REDACTED = '[redacted]';

/**
 * The payload as JSON text, without the secret that lets deliveries in. Novita echoes the callback
 * URL in `payload.extra.webhook.url`, and may copy it elsewhere, so tokens go wherever they stand.
 */
export function redactPayload(payload: JsonObject): string {
  return JSON.stringify(withoutUrlSecret(payload)).replace(TOKEN_PATTERN, REDACTED);
}

/** The same for what is not a result: any JSON value, without tokens. */
export function redactJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value).replace(TOKEN_PATTERN, REDACTED)) as T;
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
