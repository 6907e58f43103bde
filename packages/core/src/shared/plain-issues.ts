import type * as z from 'zod';

const NAMES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
};
const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' items' };

/**
 * What is wrong with a value, in plain words: for `safeParse(value, { error: plainIssue })`. A schema with
 * a message of its own keeps it.
 */
export function plainIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${NAMES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    case 'too_small':
      return limit(issue, issue.inclusive === false ? 'above' : 'at least', issue.minimum);
    case 'too_big':
      return limit(issue, issue.inclusive === false ? 'below' : 'at most', issue.maximum);
    default:
      return undefined;
  }
}

function limit(
  { origin }: { readonly origin: string },
  relation: string,
  value: number | bigint,
): string {
  const unit = UNITS[origin];
  return `must ${unit === undefined ? 'be' : 'have'} ${relation} ${value}${unit ?? ''}`;
}
