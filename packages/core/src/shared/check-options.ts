import { z } from 'zod';

import { WebhookError } from './errors.ts';

/** Milliseconds or bytes or a number of things: a number above 0. `NaN` is none. */
export const positive: z.ZodOptional<z.ZodNumber> = z.number().positive().optional();

/**
 * Refuses options that are not known, and values that make no sense.
 *
 * @throws WebhookError `invalid_option`
 */
export function checkOptions(who: string, schema: z.ZodType, options: unknown): void {
  const parsed = schema.safeParse(options);
  if (!parsed.success)
    throw new WebhookError('invalid_option', `${who}: ${problems(parsed.error)}`);
}

/** Each option with what is wrong with it. Never quotes a value: it may be the secret. */
export function problems(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => `${path.map(String).join('.') || 'options'}: ${message}`)
    .join('; ');
}
