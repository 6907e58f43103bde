import { encodedCharacter } from './encoded-character.ts';
import { isObject, type JsonObject } from './json.ts';
import { TOKEN_PATTERN } from './token-pattern.ts';

const REDACTED = '[redacted]';

/** A value without tokens, and its JSON text. */
interface Redacted {
  readonly value: unknown;
  readonly text: string;
}

/**
 * The payload without tokens. Novita echoes the callback URL in `payload.extra.webhook.url`. Tokens in
 * any other text or key are redacted as well.
 */
export function redactPayload(payload: JsonObject): Redacted {
  return redactValue(withoutUrlSecret(payload));
}

/** A value of bounded depth as JSON text, without tokens in any text or key. */
export function redactJson(value: unknown): string {
  return redactValue(value).text;
}

function redactValue(value: unknown): Redacted {
  const text = JSON.stringify(value);
  if (text.search(TOKEN_PATTERN) === -1) return { value, text };
  const redacted = walk(value);
  return { value: redacted, text: JSON.stringify(redacted) };
}

/** Text by text, because in serialised JSON an escape such as `\n` can look like part of a token. */
function walk(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(walk);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, it]) => [redactText(key), walk(it)]));
}

/** Redacts each token and the query before it: a callback URL may carry further secrets. */
function redactText(text: string): string {
  let redacted = '';
  let end = 0;
  for (const match of text.matchAll(TOKEN_PATTERN)) {
    const before = text.slice(Math.max(end, match.index - MAX_QUERY_LENGTH), match.index);
    const query = QUERY_BEFORE_TOKEN.exec(before)?.[1] ?? '';
    redacted += text.slice(end, match.index - query.length) + REDACTED;
    end = match.index + match[0].length;
  }
  return redacted + text.slice(end);
}

const QUESTION_MARK = encodedCharacter('?');
const EQUALS_SIGN = encodedCharacter('=');

/** From the last question mark to the name of the token's parameter. */
const QUERY_BEFORE_TOKEN = new RegExp(
  `(?:\\?|${QUESTION_MARK})((?:(?!${QUESTION_MARK})[^\\s"'\`<>?])*token(?:=|${EQUALS_SIGN}))$`,
  'i',
);
/** Characters before a token that are searched for the beginning of its query. */
const MAX_QUERY_LENGTH = 2048;

function withoutUrlSecret(payload: JsonObject): JsonObject {
  const { extra } = payload;
  if (!isObject(extra) || !isObject(extra['webhook'])) return payload;
  const { url } = extra['webhook'];
  if (typeof url !== 'string') return payload;
  return { ...payload, extra: { ...extra, webhook: { ...extra['webhook'], url: redactUrl(url) } } };
}

/**
 * The URL with its path and the names of its parameters, but without their values, a user and a
 * password. For access logs: the token in a callback URL lets its reader send events. Takes any
 * text, also a path or an invalid URL.
 *
 * @example
 * morgan.token('url', (request) => redactUrl(request.originalUrl));
 */
export function redactUrl(url: string): string {
  const [address = '', ...rest] = url.split(/([?#])/);
  const query = rest.map((part) => part.replace(/=[^&;]*/g, `=${REDACTED}`)).join('');
  return redactText(address.replace(/^(\w*:?\/\/)[^/]*@/, `$1${REDACTED}@`) + query);
}
