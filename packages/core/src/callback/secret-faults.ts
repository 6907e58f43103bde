import * as z from 'zod';

const MIN_LENGTH = 32;
/** A secret of `openssl rand -hex 32` has about 16 of them. */
const MIN_DISTINCT_CHARACTERS = 8;

/** Characters of control and format, separators of lines, and spaces that only look like one. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** Texts of templates and examples that were never replaced. */
const PLACEHOLDER =
  /change.?(me|this|it)|replace.?(me|this|it|with)|place.?holder|your.{0,20}secret|secret.{0,10}(here|goes)|example.{0,5}secret|todo|<[^>]*>|\$\{|\{\{|\$\(|process\.env/i;

const ADVICE = 'Make one with `openssl rand -hex 32`.';

/**
 * What is wrong with a secret, and what to do; `undefined` if nothing is. Every fault here makes two
 * processes sign with different keys, or makes the key known. Never quotes the secret.
 */
function secretFault(secret: string): string | undefined {
  if (secret.trim() === '') return `is blank. ${ADVICE}`;
  if (secret.trim() !== secret) {
    return 'begins or ends with whitespace, as a file or `echo` adds it. Pass secret.trim() in every process.';
  }
  const invisible = secret.search(INVISIBLE);
  if (invisible !== -1) {
    const code = secret.codePointAt(invisible)?.toString(16).toUpperCase().padStart(4, '0');
    return `has an invisible character (U+${code}) at position ${invisible + 1}, as copied text can. Remove it in every process.`;
  }
  if (/^(["'`]).*\1$/s.test(secret)) {
    return 'is wrapped in quotes, which some env files keep. Remove them in every process.';
  }
  if (secret.length < MIN_LENGTH) return `must have at least ${MIN_LENGTH} characters. ${ADVICE}`;
  if (PLACEHOLDER.test(secret)) return `looks like a placeholder. ${ADVICE}`;
  if (new Set(secret).size < MIN_DISTINCT_CHARACTERS) {
    return `has fewer than ${MIN_DISTINCT_CHARACTERS} different characters. ${ADVICE}`;
  }
  return undefined;
}

/** One secret, or a list of at least one. Only a fault in a list has an index. */
export const secretSchema: z.ZodType<string | string[]> = z
  .union([z.string(), z.array(z.string())], 'must be a text or a list of texts')
  .check(({ value, issues }) => {
    if (value.length === 0 && typeof value !== 'string') {
      issues.push({ code: 'custom', message: `the list is empty. ${ADVICE}`, input: undefined });
    }
    for (const [index, one] of [value].flat().entries()) {
      const message = secretFault(one);
      const path = typeof value === 'string' ? [] : [index];
      if (message !== undefined) issues.push({ code: 'custom', message, path, input: undefined });
    }
  });

/** What to do if a receiver has both `secret` and `insecure`, or neither. */
export function secretAdvice(isInsecure: boolean, isLikeWorker: boolean): string {
  if (isInsecure) return 'secret and insecure exclude each other. Leave one out.';
  const ofWorker = isLikeWorker
    ? ' A worker that accepts no deliveries needs no secret, but the inbox of the processes that do: ' +
      'pass inbox, such as postgresInbox({ pool }).'
    : '';
  return (
    'secret is missing. Make one with `openssl rand -hex 32` and pass it as secret (is the ' +
    'environment variable set?), or pass insecure: true to accept events from any sender.' +
    ofWorker
  );
}
