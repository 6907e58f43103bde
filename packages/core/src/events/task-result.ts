/**
 * A task's result as handlers get it. Field names are Novita's own (Task Result API,
 * https://novita.ai/docs/api-reference/model-apis-task-result). Values that Novita writes in two
 * ways are normalised: absent or `null` text is `''`, lists are always present, numbers in strings
 * are numbers. Fields that are not in these types are kept as they came. The types have no index
 * signature, so that TypeScript finds a misspelled field.
 *
 * @example
 * if ('watermark' in extra) use(extra.watermark); // unknown: a field that Novita has added
 */
export interface TaskResult {
  readonly task: Task;
  readonly extra: TaskExtra;
  readonly images: readonly ImageResult[];
  readonly videos: readonly VideoResult[];
  readonly audios: readonly AudioResult[];
}

/** The statuses that end a task. */
export type TerminalStatus = 'TASK_STATUS_SUCCEED' | 'TASK_STATUS_FAILED';
/** The statuses of a task that has not ended. */
export type ProgressStatus = 'TASK_STATUS_QUEUED' | 'TASK_STATUS_PROCESSING';

/** An open union: Novita adds models, and its documentation and the wire differ. */
export type TaskType =
  | 'TXT_TO_IMG'
  | 'IMG_TO_IMG'
  | 'UPSCALE'
  | 'TXT_TO_VIDEO'
  | 'IMG_TO_VIDEO'
  | 'WAN_TXT_TO_VIDEO'
  | 'WAN_IMG_TO_VIDEO'
  | (string & {});

/** How the task ended. */
export interface Task {
  readonly task_id: string;
  readonly status: TerminalStatus | ProgressStatus;
  /** Why it failed. Free text, not stable, may be empty. */
  readonly reason: string;
  readonly task_type: TaskType;
  /** Estimated seconds left. */
  readonly eta: number | null;
  /** Often 0 on success, so do not test it. */
  readonly progress_percent: number | null;
}

/** Further data of the task. Unknown fields are kept. */
export interface TaskExtra {
  /** A 64-bit number as text. `null` also if Novita sent a number that JavaScript rounds. */
  readonly seed: string | null;
  readonly enable_nsfw_detection: boolean | null;
}

/** A result file with a link that expires. */
interface Expiring {
  /**
   * When the link expires: as stated in the link (S3, COS, CloudFront), else the time of arrival
   * plus the ttl. `null`: unknown, which does not mean expired.
   */
  readonly expires_at: Date | null;
}

/** One of `images`. */
export interface ImageResult extends Expiring {
  /** Empty with custom storage; not a URL with base64 output. */
  readonly image_url: string;
  /** Seconds. `null`: unknown; Novita writes `"0"` for that, also on live links. */
  readonly image_url_ttl: number | null;
  /** `jpeg`, `png`, `webp` so far. */
  readonly image_type: string;
  readonly nsfw_detection_result: NsfwDetection | null;
}

/** The result of Novita's NSFW detection. */
export interface NsfwDetection {
  /** Whether the detection ran, *not* whether the picture is NSFW. */
  readonly valid: boolean;
  /** 0 to 100. */
  readonly confidence: number | null;
}

/** One of `videos`. */
export interface VideoResult extends Expiring {
  readonly video_url: string;
  readonly video_url_ttl: number | null;
  /** `mp4`, `gif` so far. */
  readonly video_type: string;
}

/** One of `audios`. */
export interface AudioResult extends Expiring {
  readonly audio_url: string;
  readonly audio_url_ttl: number | null;
  /** `wav`, `mp3` so far. */
  readonly audio_type: string;
  readonly audio_metadata: AudioMetadata | null;
}

/** Novita's description of an audio; often missing. */
export interface AudioMetadata {
  readonly text: string;
  /** Seconds. */
  readonly start_time: number | null;
  /** Seconds. */
  readonly end_time: number | null;
}

/** The three lists in which a result's files come. */
export type Media = 'images' | 'videos' | 'audios';
export const MEDIA: readonly ['images', 'videos', 'audios'] = ['images', 'videos', 'audios'];

/** Whether a status ends its task. */
export function isTerminal(status: unknown): status is TerminalStatus {
  return status === 'TASK_STATUS_SUCCEED' || status === 'TASK_STATUS_FAILED';
}

/** Whether a status is that of a task that has not ended. */
export function isProgress(status: unknown): status is ProgressStatus {
  return status === 'TASK_STATUS_QUEUED' || status === 'TASK_STATUS_PROCESSING';
}
