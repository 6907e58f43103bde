import { requireOptions, WebhookError } from '@novita-webhooks/core';

/** An event: the parsed body of a delivery. */
export interface SampleEvent {
  readonly event_type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What differs between samples of one kind. */
export interface SampleOptions {
  /** Default: `11111111-2222-4333-8444-000000000001`. */
  readonly taskId?: string;
  /** The value of `extra.webhook.url`, where Novita repeats the callback URL. */
  readonly callbackUrl?: string;
  /** Fields of `payload.task` that replace those of the sample. */
  readonly task?: Readonly<Record<string, unknown>>;
  /** Fields of `payload` that replace those of the sample, for instance `images`. */
  readonly payload?: Readonly<Record<string, unknown>>;
}

const LINK =
  'https://results.example.com/prod/file?X-Amz-Algorithm=AWS4-HMAC-SHA256' +
  '&X-Amz-Date=20260301T101500Z&X-Amz-Expires=3600&X-Amz-Signature=0123456789abcdef';

const image = {
  image_url: LINK,
  image_url_ttl: '3600',
  image_type: 'png',
  nsfw_detection_result: null,
};

/**
 * Functions that create an event of each kind that Novita is known to send. All values are synthetic.
 *
 * @throws WebhookError `invalid_argument` if an option is unknown
 * @example
 * const event = sampleEvents.imageSucceeded({ taskId: 'task-1', task: { task_type: 'UPSCALE' } });
 */
export const sampleEvents = {
  imageSucceeded: (options: SampleOptions = {}): SampleEvent =>
    event(options, 'TASK_STATUS_SUCCEED', 'TXT_TO_IMG', { images: [image] }),
  imagesSucceeded: (options: SampleOptions = {}): SampleEvent =>
    event(options, 'TASK_STATUS_SUCCEED', 'IMG_TO_IMG', { images: [image, image, image, image] }),
  nsfwDetected: (options: SampleOptions = {}): SampleEvent =>
    event(options, 'TASK_STATUS_SUCCEED', 'TXT_TO_IMG', {
      images: [{ ...image, nsfw_detection_result: { valid: true, confidence: 93.41 } }],
    }),
  videoSucceeded: (options: SampleOptions = {}): SampleEvent =>
    event(options, 'TASK_STATUS_SUCCEED', 'TXT_TO_VIDEO', {
      videos: [{ video_url: LINK, video_url_ttl: '0', video_type: 'mp4' }],
      audios: undefined,
    }),
  audioSucceeded: (options: SampleOptions = {}): SampleEvent =>
    event(options, 'TASK_STATUS_SUCCEED', 'MINIMAX_SPEECH_2.6_HD', {
      audios: [{ audio_url: LINK, audio_url_ttl: 0, audio_type: 'mp3', audio_metadata: null }],
    }),
  succeededWithoutMedia: (options: SampleOptions = {}): SampleEvent =>
    event(options, 'TASK_STATUS_SUCCEED', 'TXT_TO_IMG', { images: null }),
  failed: (options: SampleOptions = {}): SampleEvent =>
    event(options, 'TASK_STATUS_FAILED', 'TXT_TO_IMG', {}, 'model load failed'),
  queued: (options: SampleOptions = {}): SampleEvent =>
    event(options, 'TASK_STATUS_QUEUED', 'TXT_TO_IMG', {}),
  processing: (options: SampleOptions = {}): SampleEvent =>
    event(options, 'TASK_STATUS_PROCESSING', 'TXT_TO_IMG', {}),
  testMode(options: SampleOptions = {}): SampleEvent {
    const { event_type, payload } = sampleEvents.imageSucceeded(options);
    const webhook = {
      url: options.callbackUrl ?? 'https://hooks.example.com/novita',
      test_mode: { enabled: true, return_task_status: 'TASK_STATUS_SUCCEED' },
    };
    return { event_type, payload: { ...payload, extra: { webhook }, ...options.payload } };
  },
  /** A status and a list that do not fit the schema. */
  schemaError: (options: SampleOptions = {}): SampleEvent =>
    event(options, 'TASK_STATUS_SUBLIMATED', 'TXT_TO_IMG', { images: 'none' }),
  other(options: Pick<SampleOptions, 'payload'> = {}): SampleEvent {
    const { payload } = readOptions(options, ['payload']);
    return { event_type: 'SOME_FUTURE_EVENT', payload: { job: { id: 'job_1' }, ...payload } };
  },
};

function readOptions<Options extends object>(options: Options, known: readonly string[]): Options {
  requireOptions('sampleEvents', options, "sampleEvents.failed({ taskId: 'task-1' })");
  const names = Object.keys(options).filter((name) => !known.includes(name));
  if (names.length === 0) return options;
  const fields = names.join(', ');
  const message = `sampleEvents: unknown option: ${fields}. For fields of the event pass { payload: { ${fields} } } or { task: { ${fields} } }.`;
  throw new WebhookError('invalid_argument', message);
}

const DEFAULT_TASK_ID = '11111111-2222-4333-8444-000000000001';

function event(
  options: SampleOptions,
  status: string,
  taskType: string,
  media: Readonly<Record<string, unknown>>,
  reason = '',
): SampleEvent {
  const known = ['taskId', 'callbackUrl', 'task', 'payload'];
  const {
    taskId = DEFAULT_TASK_ID,
    callbackUrl,
    task: ofTask,
    payload,
  } = readOptions(options, known);
  const webhook = callbackUrl === undefined ? {} : { webhook: { url: callbackUrl } };
  const task = {
    task_id: taskId,
    status,
    reason,
    task_type: taskType,
    eta: 0,
    progress_percent: 0,
    ...ofTask,
  };
  const extra = { seed: '1204816733', ...webhook };
  const ownMedia = structuredClone(media); // a test may change its event
  return {
    event_type: 'ASYNC_TASK_RESULT',
    payload: { extra, task, images: [], videos: [], audios: [], ...ownMedia, ...payload },
  };
}
