/** States that Novita documents. The last two are final. */
export type TaskStatus =
  'TASK_STATUS_QUEUED' | 'TASK_STATUS_PROCESSING' | 'TASK_STATUS_SUCCEED' | 'TASK_STATUS_FAILED';

/** Status of a finished task. */
export type FinalStatus = Extract<TaskStatus, 'TASK_STATUS_SUCCEED' | 'TASK_STATUS_FAILED'>;

/** Name of the result's array that holds the outputs. */
export type Media = 'images' | 'videos' | 'audios';

/** `extra.webhook.test_mode` of the request. The event repeats it. */
export interface TestMode {
  readonly enabled: true;
  readonly return_task_status: FinalStatus;
}

/** `payload.task` of an event. */
export interface TaskState {
  readonly task_id: string;
  readonly status: TaskStatus;
  readonly reason: string;
  readonly task_type?: string;
  /** Estimated seconds left. */
  readonly eta?: number;
  readonly progress_percent?: number;
}

/** `{}` or `null` if no detection ran. `confidence` is 0 to 100. */
export type NsfwDetection = { readonly valid?: boolean; readonly confidence?: number } | null;

/** Seconds, as a string or a number. `"0"` means unknown. */
export type UrlTtl = string | number;

/** One of `payload.images`. */
export interface ResultImage {
  readonly image_url: string;
  readonly image_url_ttl: UrlTtl;
  readonly image_type: string;
  readonly nsfw_detection_result?: NsfwDetection;
}

/** One of `payload.videos`. */
export interface ResultVideo {
  readonly video_url: string;
  readonly video_url_ttl: UrlTtl;
  readonly video_type: string;
  readonly nsfw_detection_result?: NsfwDetection;
}

/** One of `payload.audios`. */
export interface ResultAudio {
  readonly audio_url: string;
  readonly audio_url_ttl: UrlTtl;
  readonly audio_type: string;
  readonly audio_metadata: null;
}

/** Response of the Task Result API, and `payload` of an event. */
export interface TaskResult {
  readonly task: TaskState;
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly images?: readonly ResultImage[];
  readonly videos?: readonly ResultVideo[];
  readonly audios?: readonly ResultAudio[];
}

/** Body of a delivery without `transformEvent`. */
export interface TaskEvent {
  readonly event_type: 'ASYNC_TASK_RESULT';
  readonly payload: TaskResult;
}
