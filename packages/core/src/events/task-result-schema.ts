import * as z from 'zod';

import { linkExpiry } from './link-expiry.ts';
import type { TaskResult } from './task-result.ts';

/** Text; absent or `null` is `''`. */
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

/** Fields beside the result are `null` if invalid, because they are not worth a schema error. */
const number = z.unknown().optional().transform(toNumber);
const flag = z.boolean().nullable().catch(null);

/** A 64-bit number. A number that JavaScript had to round is no longer the seed. */
const seed = z
  .unknown()
  .optional()
  .transform((value) => {
    if (typeof value === 'string') return value;
    return Number.isSafeInteger(value) ? String(value) : null;
  });

/** `"0"` is common on live links and means unknown. */
const ttl = number.transform((seconds) => (seconds !== null && seconds > 0 ? seconds : null));

const MAX_FILES = 1000;

/** Counts the members before it parses them: one megabyte can hold half a million. */
const list = <T extends z.ZodType>(item: T) =>
  z
    .array(z.unknown())
    .max(MAX_FILES)
    .nullish()
    .transform((items) => items ?? [])
    .pipe(z.array(item));

const task = z.looseObject({
  task_id: z.coerce.string(),
  status: z.enum([
    'TASK_STATUS_SUCCEED',
    'TASK_STATUS_FAILED',
    'TASK_STATUS_QUEUED',
    'TASK_STATUS_PROCESSING',
  ]),
  reason: text,
  task_type: text,
  eta: number,
  progress_percent: number,
});

const extra = z
  .looseObject({ seed, enable_nsfw_detection: flag })
  .catch({ seed: null, enable_nsfw_detection: null });

/** `null`, `{}` and absent all say that there was no detection. */
const nsfwDetection = z
  .looseObject({ valid: z.boolean(), confidence: number })
  .nullable()
  .catch(null);

const audioMetadata = z
  .looseObject({ text: text.catch(''), start_time: number, end_time: number })
  .nullable()
  .catch(null);

/**
 * Rejects only values that handlers could not work with: a field of the wrong type, an unknown
 * status. Tolerates everything else that Novita may change.
 */
const payloadSchema = z.looseObject({
  task,
  extra,
  images: list(
    z.looseObject({
      image_url: text,
      image_url_ttl: ttl,
      image_type: text,
      nsfw_detection_result: nsfwDetection,
    }),
  ),
  videos: list(z.looseObject({ video_url: text, video_url_ttl: ttl, video_type: text })),
  audios: list(
    z.looseObject({
      audio_url: text,
      audio_url_ttl: ttl,
      audio_type: text,
      audio_metadata: audioMetadata,
    }),
  ),
});

/** A result, or the schema error of its payload. */
export type ParsedResult =
  | { readonly result: TaskResult; readonly schemaError: null }
  | { readonly result: null; readonly schemaError: string };

/**
 * Parses and normalises a payload.
 *
 * @param receivedAt milliseconds since 1970, the base of a link's ttl
 */
export function parseTaskResult(payload: unknown, receivedAt: number): ParsedResult {
  const parsed = payloadSchema.safeParse(payload);
  if (!parsed.success) return { result: null, schemaError: describeSchemaError(parsed.error) };
  const { images, videos, audios } = parsed.data;
  const expiring = (url: string, ttlSeconds: number | null) => ({
    expires_at: linkExpiry(url, ttlSeconds, receivedAt),
  });
  return {
    schemaError: null,
    result: {
      ...parsed.data,
      images: images.map((it) => ({ ...it, ...expiring(it.image_url, it.image_url_ttl) })),
      videos: videos.map((it) => ({ ...it, ...expiring(it.video_url, it.video_url_ttl) })),
      audios: audios.map((it) => ({ ...it, ...expiring(it.audio_url, it.audio_url_ttl) })),
    },
  };
}

function toNumber(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return null;
  const parsed = Number(value);
  return Number.isFinite(parsed) ? parsed : null;
}

/** Names paths and expectations only: values may be prompts or presigned links. */
function describeSchemaError(error: z.ZodError): string {
  const issues = error.issues.map(
    ({ path, code }) => `${path.map(String).join('.') || 'payload'} (${code})`,
  );
  return `the payload does not fit the schema: ${issues.slice(0, 5).join(', ')}`;
}
