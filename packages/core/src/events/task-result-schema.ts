import { isObject, type JsonObject } from '../shared/json.ts';
import { linkExpiry } from './link-expiry.ts';
import {
  isProgress,
  isTerminal,
  type AudioMetadata,
  type Media,
  type NsfwDetection,
  type Task,
  type TaskExtra,
  type TaskResult,
} from './task-result.ts';

/** A result, or the schema error of its payload. */
export type ParsedResult =
  | { readonly result: TaskResult; readonly schemaError: null }
  | { readonly result: null; readonly schemaError: string };

const MAX_FILES = 1000;
const MAX_FAULTS = 5;

/** The places that do not fit. Names no value: it may be a prompt or a presigned link. */
type Faults = string[];

/**
 * Parses and normalises a payload. Rejects only values that handlers could not work with: a field of
 * the wrong type, an unknown status. Tolerates everything else that Novita may change.
 *
 * @param receivedAt milliseconds since 1970, the base of a link's ttl
 */
export function parseTaskResult(payload: unknown, receivedAt: number): ParsedResult {
  const faults: Faults = [];
  const result = toResult(payload, receivedAt, faults);
  if (faults.length === 0) return { result, schemaError: null };
  const listed = faults.slice(0, MAX_FAULTS).join(', ');
  return { result: null, schemaError: `the payload does not fit the schema: ${listed}` };
}

function toResult(value: unknown, receivedAt: number, faults: Faults): TaskResult {
  const payload = toObject(value, 'payload', faults);
  const expiresAt = (url: string, ttl: number | null) => linkExpiry(url, ttl, receivedAt);
  return {
    ...payload,
    task: toTask(payload['task'], faults),
    extra: toExtra(payload['extra']),
    images: toFiles(payload, 'images', faults, (image, path) => {
      const image_url = toText(image, 'image_url', path, faults);
      const image_url_ttl = toTtl(image['image_url_ttl']);
      return {
        ...image,
        image_url,
        image_url_ttl,
        image_type: toText(image, 'image_type', path, faults),
        nsfw_detection_result: toNsfwDetection(image['nsfw_detection_result']),
        expires_at: expiresAt(image_url, image_url_ttl),
      };
    }),
    videos: toFiles(payload, 'videos', faults, (video, path) => {
      const video_url = toText(video, 'video_url', path, faults);
      const video_url_ttl = toTtl(video['video_url_ttl']);
      const video_type = toText(video, 'video_type', path, faults);
      const expires_at = expiresAt(video_url, video_url_ttl);
      return { ...video, video_url, video_url_ttl, video_type, expires_at };
    }),
    audios: toFiles(payload, 'audios', faults, (audio, path) => {
      const audio_url = toText(audio, 'audio_url', path, faults);
      const audio_url_ttl = toTtl(audio['audio_url_ttl']);
      return {
        ...audio,
        audio_url,
        audio_url_ttl,
        audio_type: toText(audio, 'audio_type', path, faults),
        audio_metadata: toAudioMetadata(audio['audio_metadata']),
        expires_at: expiresAt(audio_url, audio_url_ttl),
      };
    }),
  };
}

function toTask(value: unknown, faults: Faults): Task {
  const task = toObject(value, 'task', faults);
  const { task_id: id, status } = task;
  const isId = typeof id === 'string' || typeof id === 'number';
  if (!isId) faults.push('task.task_id (invalid_type)');
  if (!isTerminal(status) && !isProgress(status)) faults.push('task.status (invalid_value)');
  return {
    ...task,
    task_id: isId ? String(id) : '',
    status: status as Task['status'],
    reason: toText(task, 'reason', 'task', faults),
    task_type: toText(task, 'task_type', 'task', faults),
    eta: toNumber(task['eta']),
    progress_percent: toNumber(task['progress_percent']),
  };
}

/** Fields beside the result are `null` if invalid, because they are not worth a schema error. */
function toExtra(value: unknown): TaskExtra {
  const extra = isObject(value) ? value : {};
  const { enable_nsfw_detection: flag } = extra;
  const enable_nsfw_detection = typeof flag === 'boolean' ? flag : null;
  return { ...extra, seed: toSeed(extra['seed']), enable_nsfw_detection };
}

/** A 64-bit number. A number that JavaScript had to round is no longer the seed. */
function toSeed(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return Number.isSafeInteger(value) ? String(value) : null;
}

/** `null`, `{}` and absent all say that there was no detection. */
function toNsfwDetection(value: unknown): NsfwDetection | null {
  if (!isObject(value) || typeof value['valid'] !== 'boolean') return null;
  return { ...value, valid: value['valid'], confidence: toNumber(value['confidence']) };
}

function toAudioMetadata(value: unknown): AudioMetadata | null {
  if (!isObject(value)) return null;
  const { text, start_time, end_time } = value;
  return {
    ...value,
    text: typeof text === 'string' ? text : '',
    start_time: toNumber(start_time),
    end_time: toNumber(end_time),
  };
}

/** Counts the members before it reads them: one megabyte can hold half a million. */
function toFiles<T>(
  payload: JsonObject,
  media: Media,
  faults: Faults,
  toFile: (file: JsonObject, path: string) => T,
): T[] {
  const files = payload[media] ?? [];
  if (!Array.isArray(files)) faults.push(`${media} (invalid_type)`);
  else if (files.length > MAX_FILES) faults.push(`${media} (too_big)`);
  else {
    return files.map((file: unknown, index) => {
      const path = `${media}.${index}`;
      return toFile(toObject(file, path, faults), path);
    });
  }
  return [];
}

function toObject(value: unknown, path: string, faults: Faults): JsonObject {
  if (isObject(value)) return value;
  faults.push(`${path} (invalid_type)`);
  return {};
}

/** Text; absent or `null` is `''`. */
function toText(object: JsonObject, field: string, path: string, faults: Faults): string {
  const value = object[field] ?? '';
  if (typeof value === 'string') return value;
  faults.push(`${path}.${field} (invalid_type)`);
  return '';
}

/** `"0"` is common on live links and means unknown. */
function toTtl(value: unknown): number | null {
  const seconds = toNumber(value);
  return seconds !== null && seconds > 0 ? seconds : null;
}

function toNumber(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return null;
  const parsed = Number(value);
  return Number.isFinite(parsed) ? parsed : null;
}
