// Puts what zod finds into plain words.

/** What zod tells of an issue, as far as it is put into words. */
export interface FoundIssue {
  readonly code?: string | undefined;
  readonly expected?: unknown;
  readonly values?: unknown;
  readonly keys?: unknown;
  readonly origin?: unknown;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
  readonly inclusive?: unknown;
  /** The schema that found it. */
  readonly inst?: unknown;
}

const NAMES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
};
const UNITS: Readonly<Record<string, string>> = { string: 'character', array: 'item' };

/**
 * What is wrong with a value, in plain words: for `safeParse(value, { error: plainIssue })`. A schema with
 * a message of its own keeps it. Never leaves the wording to zod.
 */
export function plainIssue(issue: FoundIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${NAMES[String(issue.expected)] ?? String(issue.expected)}`;
    case 'invalid_value':
      return `must be ${asList(issue.values)
        .map((value) => JSON.stringify(value))
        .join(' or ')}`;
    case 'unrecognized_keys':
      return unknownKeys(issue);
    case 'too_small':
      return limit(issue, issue.inclusive === false ? 'above' : 'at least', issue.minimum);
    case 'too_big':
      return limit(issue, issue.inclusive === false ? 'below' : 'at most', issue.maximum);
    default:
      return 'is not valid';
  }
}

function unknownKeys({ keys, inst }: FoundIssue): string {
  const schema = inst as { _zod?: { def?: { shape?: object } } } | undefined;
  const known = Object.keys(schema?._zod?.def?.shape ?? {});
  return describeUnknown(asList(keys).map(String), known);
}

/** Says which names are unknown, and which are known. */
export function describeUnknown(unknown: readonly string[], known: readonly string[]): string {
  const names = `${unknown.join(', ')} ${unknown.length === 1 ? 'is' : 'are'} unknown`;
  return known.length === 0 ? names : `${names}. Known: ${known.join(', ')}`;
}

const asList = (values: unknown): readonly unknown[] => (Array.isArray(values) ? values : []);

function limit({ origin }: FoundIssue, relation: string, value: unknown): string {
  const unit = UNITS[String(origin)];
  if (unit === undefined) return `must be ${relation} ${String(value)}`;
  return `must have ${relation} ${String(value)} ${unit}${Number(value) === 1 ? '' : 's'}`;
}
