import type { Media, TaskResult } from './task-result.ts';

/** One file of a result, whatever its medium. */
export interface Asset {
  readonly media: Media;
  /** Place in its list. */
  readonly index: number;
  readonly url: string;
  /** Seconds; `null` if unknown. */
  readonly url_ttl: number | null;
  /** `png`, `mp4`, `wav`, … */
  readonly type: string;
  readonly expires_at: Date | null;
}

/**
 * All images, videos and audios of a result in one shape and one list.
 *
 * @example
 * for (const { url, type } of assets(result)) await save(url, `${task.task_id}.${type}`);
 */
export function assets(result: Pick<TaskResult, Media>): Asset[] {
  return [
    ...result.images.map((it, index) =>
      asset('images', index, it.image_url, it.image_url_ttl, it.image_type, it.expires_at),
    ),
    ...result.videos.map((it, index) =>
      asset('videos', index, it.video_url, it.video_url_ttl, it.video_type, it.expires_at),
    ),
    ...result.audios.map((it, index) =>
      asset('audios', index, it.audio_url, it.audio_url_ttl, it.audio_type, it.expires_at),
    ),
  ];
}

function asset(
  media: Media,
  index: number,
  url: string,
  url_ttl: number | null,
  type: string,
  expires_at: Date | null,
): Asset {
  return { media, index, url, url_ttl, type, expires_at };
}
