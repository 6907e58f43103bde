/** The four states that Novita documents; the last two are final. */
export type TaskStatus =
  'TASK_STATUS_QUEUED' | 'TASK_STATUS_PROCESSING' | 'TASK_STATUS_SUCCEED' | 'TASK_STATUS_FAILED';

/** What may become of a task. */
export type FinalStatus = Extract<TaskStatus, 'TASK_STATUS_SUCCEED' | 'TASK_STATUS_FAILED'>;

/** Which of the three arrays of a result holds the outputs. */
export type Media = 'images' | 'videos' | 'audios';

/** Asked for in `extra.webhook.test_mode` and echoed in the event. */
export interface TestMode {
  readonly enabled: true;
  readonly return_task_status: FinalStatus;
}

/** `payload.task`: how far a task is. */
export interface TaskState {
  readonly task_id: string;
  readonly status: TaskStatus;
  readonly reason: string;
  readonly task_type?: string;
  /** Seconds left. */
  readonly eta?: number;
  readonly progress_percent?: number;
}

/** `{}` when no detection ran; `confidence` goes from 0 to 100. */
export type NsfwDetection = { readonly valid?: boolean; readonly confidence?: number } | null;

/** Seconds, as text or as a number; `"0"` means unknown. */
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

/** The answer of the Task Result API, and the `payload` of an event. */
export interface TaskResult {
  readonly task: TaskState;
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly images?: readonly ResultImage[];
  readonly videos?: readonly ResultVideo[];
  readonly audios?: readonly ResultAudio[];
}

/** The body of a delivery. */
export interface TaskEvent {
  readonly event_type: 'ASYNC_TASK_RESULT';
  readonly payload: TaskResult;
}
