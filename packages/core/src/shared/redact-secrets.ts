// Finds secrets in texts that others wrote, such as errors of databases and HTTP clients.
import { encodedCharacter } from './encoded-character.ts';
import { TOKEN_PATTERN } from './token-pattern.ts';

/** The end of a value in a URL within any text. */
const VALUE = '[^\\s"\'`<>&]*';

/** Parameters of presigned links that only their owner may know, also where a link is only named in part. */
const SECRET_PARAMETER =
  'X-[a-z]{3,4}-[\\w-]+|q-[\\w-]+|Signature|sig|Policy|Key-Pair-Id|\\w{0,9}AccessKeyId|token';

/** A key has a digit. Without this, the rules below would cut words out of sentences. */
const KEY = '(?=[^\\s"\'`<>]{0,200}\\d)[^\\s"\'`<>,;&\\\\]{8,}';
/** Between the name of a header and its value: in text, in JSON, in a query. */
const IS = '[\\\\"\']{0,4}\\s{0,8}[:=]\\s{0,8}[\\\\"\']{0,4}';

/** Headers and parameters with keys, as errors of HTTP clients quote them. */
const AUTHORIZATION = new RegExp(`\\b(authorization${IS}(?:[a-z]{1,16}\\s{1,8})?)${KEY}`, 'gi');
const BEARER = new RegExp(`\\b(bearer\\s{1,8})${KEY}`, 'gi');
const API_KEY = new RegExp(`\\b((?:x-)?api[-_]?key${IS})${KEY}`, 'gi');
/** As Novita and others begin their keys. */
const VENDOR_KEY = new RegExp(`\\bsk[-_]${KEY}`, 'g');

const SECRETS: readonly [RegExp, string][] = [
  [/(https?:\/\/[^\s"'`<>?#]+)[?#][^\s"'`<>]*/gi, '$1?[redacted]'], // result links are presigned
  [/\?[\w.~%+[\]-]{1,128}=[^\s"'`<>]*/g, '?[redacted]'], // the same without a scheme
  [new RegExp(`${encodedCharacter('?')}${VALUE}`, 'gi'), '%3F[redacted]'], // the same in other text
  [
    new RegExp(
      `((?:${SECRET_PARAMETER})(?:=|${encodedCharacter('=')}|"\\s{0,8}:\\s{0,8}"))${VALUE}`,
      'gi',
    ),
    '$1[redacted]',
  ],
  [AUTHORIZATION, '$1[redacted]'],
  [BEARER, '$1[redacted]'],
  [API_KEY, '$1[redacted]'],
  [VENDOR_KEY, '[redacted]'],
  [/\b(\w+:\/\/)[^\s/"'`<>]*@/g, '$1[redacted]@'], // user and password, which may have an unescaped @
  [TOKEN_PATTERN, '[redacted]'],
];
/** Longer texts are cut before redaction, so that a thrown megabyte costs little. */
const MAX_REDACTED_LENGTH = 8000;

/**
 * Cuts a text to a length, without tokens, passwords, keys and queries of links.
 *
 * @param maxLength characters
 * @param own a secret that is cut out as well
 */
export function redactSecrets(text: string, maxLength: number, own = ''): string {
  // Before the cut, which could leave a part of it.
  const without = own === '' ? text : text.replaceAll(own, '[redacted]');
  let redacted = without.slice(0, MAX_REDACTED_LENGTH);
  for (const [secret, replacement] of SECRETS) redacted = redacted.replace(secret, replacement);
  return redacted.slice(0, maxLength);
}
