import * as z from 'zod';

import { strictOptions } from '../shared/check-options.ts';

/** How much of a delivery is read, and how long its reply may take. */
export interface DeliveryLimits {
  readonly maxBodyBytes: number;
  readonly maxTotalBodyBytes: number;
  readonly bodyTimeoutMs: number;
  readonly replyTimeoutMs: number;
}

const MEBIBYTE = 1024 * 1024;
const ms = z.number().positive();
const bytes = z.int().positive();

const given = strictOptions({
  maxBodyBytes: bytes.default(MEBIBYTE),
  maxTotalBodyBytes: bytes.optional(),
  bodyTimeoutMs: ms.default(3000),
  replyTimeoutMs: ms.default(4000),
}).prefault({});

/** Checks the option `limits` and fills in the defaults. */
export const limitsSchema: z.ZodType<DeliveryLimits> = given
  .transform(({ maxTotalBodyBytes, ...limits }) => ({
    ...limits,
    maxTotalBodyBytes: maxTotalBodyBytes ?? Math.max(8 * MEBIBYTE, 4 * limits.maxBodyBytes),
  }))
  .refine((limits) => limits.maxTotalBodyBytes >= limits.maxBodyBytes, {
    path: ['maxTotalBodyBytes'],
    message: 'must be at least maxBodyBytes, or a body of that size never fits',
  });
