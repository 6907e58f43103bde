import { z } from 'zod';

import { WebhookError } from './errors.ts';

/** A number above 0 (not `NaN`), for milliseconds, bytes and counts. */
export const positive: z.ZodOptional<z.ZodNumber> = z.number().positive().optional();

/**
 * Rejects unknown options and invalid values.
 *
 * @param component name that the error begins with
 * @throws WebhookError `invalid_option`
 */
export function checkOptions(component: string, schema: z.ZodType, options: unknown): void {
  const parsed = schema.safeParse(options);
  if (!parsed.success)
    throw new WebhookError('invalid_option', `${component}: ${describeIssues(parsed.error)}`);
}

/** Each invalid option with its fault. Never quotes a value: it may be the secret. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => `${path.map(String).join('.') || 'options'}: ${message}`)
    .join('; ');
}
