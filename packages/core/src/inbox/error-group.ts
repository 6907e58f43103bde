/** In this order. */
const VARIABLE_PARTS: readonly [RegExp, string][] = [
  [/\w+:\/\/[^\s"'`<>]+/g, '<url>'],
  [/[\w.+-]+@[\w-]+(\.[\w-]+)+/g, '<email>'],
  [/\b(?=[\w-]*\d)[\w-]{8,}/g, '<id>'], // a long word with a digit
  [/\d+(?:[.:]\d+)*/g, '<n>'],
];

/** Characters. Longer reasons with the same beginning are one group. */
const MAX_LENGTH = 200;

/**
 * The reason of a failure without numbers, ids and addresses, so that failures with the same cause have
 * the same text; `null` without a reason.
 *
 * @example
 * errorGroupOf('HTTP 503 for order 1234'); // 'HTTP <n> for order <n>'
 */
export function errorGroupOf(reason: string | null): string | null {
  if (reason === null) return null;
  const group = VARIABLE_PARTS.reduce((text, [part, name]) => text.replace(part, name), reason);
  return group.slice(0, MAX_LENGTH).replace(/[\uD800-\uDBFF]$/, ''); // no half of a character
}
