import type { JsonObject } from './json.ts';
import { mediaFiles } from './media-files.ts';
import type { Media, NsfwDetection, ResultAudio, ResultImage } from './novita-types.ts';
import type { ResultVideo, TaskEvent, TaskResult, UrlTtl } from './novita-types.ts';
import type { Task } from './task.ts';

/*
 * Novita's results differ in form. The number of a task decides its form, so that runs are
 * reproducible. The first task has the most common form.
 */

type Sign = (path: string) => string;

interface Link {
  readonly type: string;
  readonly url: string;
  readonly ttl: UrlTtl;
}

interface Detection {
  readonly nsfw_detection_result?: NsfwDetection;
}

const everyThird = ({ number }: Task): boolean => number % 3 === 0;
const everyFifth = ({ number }: Task): boolean => number % 5 === 0;

const emptyDebugInfo = {
  request_info: '',
  submit_time_ms: '',
  execute_time_ms: '',
  complete_time_ms: '',
};

const createDebugInfo = (task: Task): JsonObject => {
  if (everyFifth(task)) return emptyDebugInfo;
  const { submittedAt, finishedAt = submittedAt } = task;
  return {
    request_info: JSON.stringify({ model: task.endpoint, prompts: [task.prompt] }),
    submit_time_ms: String(submittedAt),
    execute_time_ms: String(Math.floor(submittedAt + (finishedAt - submittedAt) / 4)),
    complete_time_ms: String(finishedAt),
  };
};

const createWebhookEcho = ({ callbackUrl, testMode }: Task): JsonObject =>
  callbackUrl === undefined && !testMode
    ? {}
    : { webhook: { url: callbackUrl, ...(testMode && { test_mode: testMode }) } };

const createExtra = (task: Task): JsonObject => {
  const detection = { enable_nsfw_detection: task.detectNsfw };
  if (task.testMode) return { ...detection, ...createWebhookEcho(task) };
  if (task.plan.media === 'audios') return createWebhookEcho(task);
  const seed = { seed: task.seed, ...detection };
  const newerFields = everyThird(task) ? { has_nsfw_contents: [] } : {};
  return { ...seed, ...newerFields, debug_info: createDebugInfo(task), ...createWebhookEcho(task) };
};

/** Creates a verdict. `valid` means that the detection ran, not that it found something. */
const createVerdict = (nsfw: boolean): NsfwDetection => ({
  valid: true,
  confidence: nsfw ? 93.41 : 0,
});

const createImageDetection = ({ number, plan }: Task): Detection => {
  if (plan.nsfw !== undefined) return { nsfw_detection_result: createVerdict(plan.nsfw) };
  const forms: Detection[] = [{}, { nsfw_detection_result: null }, { nsfw_detection_result: {} }];
  return forms[number % forms.length] ?? {};
};

const createVideoDetection = (task: Task): Detection => {
  const { nsfw } = task.plan;
  if (nsfw !== undefined) return { nsfw_detection_result: createVerdict(nsfw) };
  return everyFifth(task) ? { nsfw_detection_result: null } : {};
};

const createLink = (task: Task, index: number, sign: Sign): Link => {
  const type = mediaFiles[task.plan.media].extension;
  const url = sign(`/files/${task.id}/${index}.${type}`);
  const seconds = new URL(url).searchParams.get('X-Amz-Expires') ?? '0';
  if (everyFifth(task)) return { type, url, ttl: Number(seconds) };
  return { type, url, ttl: task.number % 7 === 0 ? '0' : seconds };
};

const createImage = ({ type, url, ttl }: Link, task: Task): ResultImage => ({
  image_url: url,
  image_url_ttl: ttl,
  image_type: type,
  ...createImageDetection(task),
});

const createVideo = ({ type, url, ttl }: Link, task: Task): ResultVideo => ({
  video_url: url,
  video_url_ttl: ttl,
  video_type: type,
  ...createVideoDetection(task),
});

const createAudio = ({ type, url, ttl }: Link): ResultAudio => ({
  audio_url: url,
  audio_url_ttl: ttl,
  audio_type: type,
  audio_metadata: null,
});

const createAssets = (task: Task, sign: Sign): Pick<TaskResult, Media> => {
  const { count, media } = task.plan;
  const links = Array.from({ length: count }, (_, index) => createLink(task, index, sign));
  const audios = media === 'videos' && everyThird(task) ? {} : { audios: [] };
  const none = { images: [], videos: [], ...audios };
  if (media === 'images') return { ...none, images: links.map((link) => createImage(link, task)) };
  if (media === 'videos') return { ...none, videos: links.map((link) => createVideo(link, task)) };
  return { ...none, audios: links.map(createAudio) };
};

const createFailure = (task: Task): TaskResult => {
  const state = { task_id: task.id, status: task.status, reason: task.plan.reason };
  if (everyThird(task) && !task.testMode) return { task: state };
  return {
    task: { ...state, task_type: task.taskType, eta: 0, progress_percent: 0 },
    extra: { enable_nsfw_detection: task.detectNsfw, ...createWebhookEcho(task) },
    images: [],
    videos: [],
    audios: [],
  };
};

const createSuccess = (task: Task, sign: Sign): TaskResult => {
  // Novita often reports a progress of 0 on success.
  const progress = { eta: 0, progress_percent: task.number % 2 === 0 ? 100 : 0 };
  const state = { task_id: task.id, status: task.status, reason: task.plan.reason };
  const isBare = task.plan.media === 'videos' && everyThird(task);
  return {
    task: { ...state, task_type: task.taskType, ...(isBare ? {} : progress) },
    extra: createExtra(task),
    ...createAssets(task, sign),
  };
};

const createProgress = (task: Task, elapsedMs: number): TaskResult => {
  const { taskMs } = task.plan;
  const running = task.status === 'TASK_STATUS_PROCESSING';
  const left = Math.max(0, taskMs - elapsedMs);
  return {
    task: {
      task_id: task.id,
      status: task.status,
      reason: '',
      task_type: task.taskType,
      eta: Math.ceil(left / 1000),
      progress_percent: running
        ? Math.min(99, Math.floor(100 - (left / Math.max(1, taskMs)) * 100))
        : 0,
    },
    extra: {},
    images: [],
    videos: [],
    audios: [],
  };
};

/**
 * Creates the response of the Task Result API. Each call signs new links.
 *
 * @param now milliseconds since 1970, by the simulator's clock
 */
export const createTaskResult = (task: Task, sign: Sign, now: number): TaskResult => {
  if (task.finishedAt === undefined) return createProgress(task, now - task.submittedAt);
  return task.status === 'TASK_STATUS_FAILED' ? createFailure(task) : createSuccess(task, sign);
};

/** Creates the event of a finished task, as Novita would send it. */
export const createTaskEvent = (task: Task, sign: Sign, now: number): TaskEvent => ({
  event_type: 'ASYNC_TASK_RESULT',
  payload: createTaskResult(task, sign, now),
});
