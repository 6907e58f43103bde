import * as z from 'zod';

import { isObject, type JsonObject } from '../shared/json.ts';
import { linkExpiry } from './link-expiry.ts';
import {
  MEDIA,
  type AudioMetadata,
  type AudioResult,
  type ImageResult,
  type NsfwDetection,
  type TaskExtra,
  type TaskResult,
  type VideoResult,
} from './task-result.ts';

/** Text. Absent or `null` means `''`. */
const text = z.string().nullish();

const listOf = <Shape extends z.ZodRawShape>(shape: Shape) => z.array(z.object(shape)).nullish();

/**
 * Rejects only values that handlers could not work with: a field of the wrong type, an unknown
 * status. Everything else that Novita may change is tolerated. Only checks: what handlers get is made
 * of the payload itself, which costs a fraction of the transforms of a schema.
 */
const payloadSchema = z.object({
  task: z.object({
    status: z.enum([
      'TASK_STATUS_SUCCEED',
      'TASK_STATUS_FAILED',
      'TASK_STATUS_QUEUED',
      'TASK_STATUS_PROCESSING',
    ]),
    reason: text,
    task_type: text,
  }),
  images: listOf({ image_url: text, image_type: text }),
  videos: listOf({ video_url: text, video_type: text }),
  audios: listOf({ audio_url: text, audio_type: text }),
});

/** A payload that fits the schema, with the fields that it does not check. */
type Payload = z.infer<typeof payloadSchema> & JsonObject;
type File<Medium extends 'images' | 'videos' | 'audios'> = NonNullable<Payload[Medium]>[number] &
  JsonObject;

/** A result, or the schema error of its payload. */
export type ParsedResult =
  | { readonly result: TaskResult; readonly schemaError: null }
  | { readonly result: null; readonly schemaError: string };

const MAX_FILES = 1000;

/**
 * Parses and normalises a payload. The result shares the fields with the payload that it does not name.
 *
 * @param receivedAt milliseconds since 1970, the base of a link's ttl
 */
export function parseTaskResult(payload: unknown, receivedAt: number): ParsedResult {
  // Counted first: one megabyte can hold half a million files.
  const tooMany =
    isObject(payload) && MEDIA.find((medium) => lengthOf(payload[medium]) > MAX_FILES);
  if (typeof tooMany === 'string') return toError([`${tooMany} (too_big)`]);
  // eslint-disable-next-line no-restricted-syntax -- only the codes of issues are shown
  const { error } = payloadSchema.safeParse(payload);
  if (error === undefined)
    return { result: toResult(payload as Payload, receivedAt), schemaError: null };
  return toError(
    error.issues.map(({ path, code }) => `${path.map(String).join('.') || 'payload'} (${code})`),
  );
}

const lengthOf = (value: unknown) => (Array.isArray(value) ? value.length : 0);

/** Names paths and expectations only: values may be prompts or presigned links. */
function toError(issues: readonly string[]): ParsedResult {
  const schemaError = `the payload does not fit the schema: ${issues.slice(0, 5).join(', ')}`;
  return { result: null, schemaError };
}

function toResult(payload: Payload, receivedAt: number): TaskResult {
  const { task, images, videos, audios } = payload;
  return {
    ...payload,
    task: toTask(task),
    extra: toExtra(payload['extra']),
    images: images?.map((image) => toImage(image, receivedAt)) ?? [],
    videos: videos?.map((video) => toVideo(video, receivedAt)) ?? [],
    audios: audios?.map((audio) => toAudio(audio, receivedAt)) ?? [],
  };
}

function toTask(task: Payload['task'] & JsonObject): TaskResult['task'] {
  return {
    ...task,
    task_id: String(task['task_id']),
    reason: task.reason ?? '',
    task_type: task.task_type ?? '',
    eta: toNumber(task['eta']),
    progress_percent: toNumber(task['progress_percent']),
  };
}

// Fields beside the result are `null` if invalid, because they are not worth a schema error.

function toExtra(extra: unknown): TaskExtra {
  if (!isObject(extra)) return { seed: null, enable_nsfw_detection: null };
  const { enable_nsfw_detection: flag } = extra;
  return {
    ...extra,
    seed: toSeed(extra['seed']),
    enable_nsfw_detection: typeof flag === 'boolean' ? flag : null,
  };
}

function toImage(image: File<'images'>, receivedAt: number): ImageResult {
  const image_url = image.image_url ?? '';
  const image_url_ttl = toTtl(image['image_url_ttl']);
  return {
    ...image,
    image_url,
    image_url_ttl,
    image_type: image.image_type ?? '',
    nsfw_detection_result: toDetection(image['nsfw_detection_result']),
    expires_at: linkExpiry(image_url, image_url_ttl, receivedAt),
  };
}

function toVideo(video: File<'videos'>, receivedAt: number): VideoResult {
  const video_url = video.video_url ?? '';
  const video_url_ttl = toTtl(video['video_url_ttl']);
  return {
    ...video,
    video_url,
    video_url_ttl,
    video_type: video.video_type ?? '',
    expires_at: linkExpiry(video_url, video_url_ttl, receivedAt),
  };
}

function toAudio(audio: File<'audios'>, receivedAt: number): AudioResult {
  const audio_url = audio.audio_url ?? '';
  const audio_url_ttl = toTtl(audio['audio_url_ttl']);
  return {
    ...audio,
    audio_url,
    audio_url_ttl,
    audio_type: audio.audio_type ?? '',
    audio_metadata: toAudioMetadata(audio['audio_metadata']),
    expires_at: linkExpiry(audio_url, audio_url_ttl, receivedAt),
  };
}

/** `null`, `{}` and absent all say that there was no detection. */
function toDetection(detection: unknown): NsfwDetection | null {
  if (!isObject(detection)) return null;
  const { valid, confidence } = detection;
  return typeof valid === 'boolean'
    ? { ...detection, valid, confidence: toNumber(confidence) }
    : null;
}

function toAudioMetadata(metadata: unknown): AudioMetadata | null {
  if (!isObject(metadata)) return null;
  const { text: spoken, start_time, end_time } = metadata;
  return {
    ...metadata,
    text: typeof spoken === 'string' ? spoken : '',
    start_time: toNumber(start_time),
    end_time: toNumber(end_time),
  };
}

/** A 64-bit number. A number that JavaScript had to round is no longer the seed. */
function toSeed(seed: unknown): string | null {
  if (typeof seed === 'string') return seed;
  return Number.isSafeInteger(seed) ? String(seed) : null;
}

/** `"0"` is common on live links and means unknown. */
function toTtl(ttl: unknown): number | null {
  const seconds = toNumber(ttl);
  return seconds !== null && seconds > 0 ? seconds : null;
}

function toNumber(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return null;
  const parsed = Number(value);
  return Number.isFinite(parsed) ? parsed : null;
}
