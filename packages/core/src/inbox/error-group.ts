/** In this order. */
const VARIABLE_PARTS: readonly [RegExp, string][] = [
  [/\w+:\/\/[^\s"'`<>]+/g, '<url>'],
  [/[\w.+-]+@[\w-]+(\.[\w-]+)+/g, '<email>'],
  [/\b(?=[\w-]*\d)[\w-]{8,}/g, '<id>'], // a long word with a digit
  // a number, but not the status of HTTP after such a word
  [
    /(?<!\d)(?<!\b(?:http|status|code|answered|returned|with)[ :=]{1,3}(?=[45]\d\d\b))\d+(?:[.:]\d+)*/gi,
    '<n>',
  ],
];

/** Characters. Longer reasons with the same beginning are one group. */
const MAX_LENGTH = 200;

/**
 * The reason of a failure without numbers, ids and addresses, so that failures with the same cause have
 * the same text; `null` without a reason. A status of HTTP stays: 503 may pass by itself, 404 does not.
 *
 * @example
 * errorGroupOf('HTTP 503 for order 1234'); // 'HTTP 503 for order <n>'
 */
export function errorGroupOf(reason: string | null): string | null {
  if (reason === null) return null;
  const group = VARIABLE_PARTS.reduce((text, [part, name]) => text.replace(part, name), reason);
  return group.slice(0, MAX_LENGTH).replace(/[\uD800-\uDBFF]$/, ''); // no half of a character
}
