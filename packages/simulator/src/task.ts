import { isObject, type JsonObject } from './json.ts';
import type { Media, TaskEvent, TaskStatus, TestMode } from './novita-types.ts';
import { mergePlans, type Plan, type ResolvedPlan } from './plan.ts';
import type { Submission } from './submission.ts';

/** A task and its state. */
export interface SimulatedTask {
  readonly id: string;
  /** 1 for the first task of this simulator. */
  readonly number: number;
  readonly endpoint: string;
  /** Type in Novita's form, such as `TXT_TO_IMG`. */
  readonly taskType: string;
  readonly status: TaskStatus;
  readonly callbackUrl: string | undefined;
  readonly testMode: TestMode | undefined;
  /** First 2,000 characters of the prompt. */
  readonly prompt: string;
  readonly seed: string;
  readonly detectNsfw: boolean;
  readonly plan: ResolvedPlan;
  /** Milliseconds since 1970, by the simulator's clock. */
  readonly submittedAt: number;
  /** Milliseconds since 1970, by the simulator's clock. `undefined` until the task finishes. */
  readonly finishedAt: number | undefined;
  /** Event before `transformEvent`. `undefined` until the task finishes. */
  readonly event: TaskEvent | undefined;
  /** Number of copies of the event so far; retries do not count. */
  readonly copies: number;
}

/** The simulator's own, mutable record of a task. */
export type Task = { -readonly [Field in keyof SimulatedTask]: SimulatedTask[Field] };

/** Types that do not follow from the name of the endpoint, as Novita writes them in results. */
const knownTypes: Readonly<Record<string, string>> = {
  txt2img: 'TXT_TO_IMG',
  img2img: 'IMG_TO_IMG',
  txt2video: 'TXT_TO_VIDEO',
  img2video: 'IMG_TO_VIDEO',
  'video/create': 'VIDEO_CREATE',
  'wan-t2v': 'WAN_TXT_TO_VIDEO',
  'wan-i2v': 'WAN_IMG_TO_VIDEO',
  'kling-v1.6-i2v': 'KLING_V16_I2V_STANDARD',
  'qwen-image-txt2img': 'QWEN_IMAGE_TEXT_TO_IMAGE',
  'flux-2-dev': 'FLUX_2_DEV_TXT_TO_IMG',
};

/** Derives a type in Novita's form. Keeps dots, which Novita uses: `MINIMAX_SPEECH_2.6_HD`. */
const toTaskType = (endpoint: string): string => {
  const segment = endpoint.split('/').at(-1) ?? endpoint;
  const upperSnake = segment.replace(/([a-z\d])([A-Z])/g, '$1_$2').replace(/[^A-Za-z\d.]+/g, '_');
  return knownTypes[endpoint] ?? upperSnake.toUpperCase();
};

const toMedia = (endpoint: string): Media => {
  if (/video|2v/i.test(endpoint)) return 'videos';
  return /audio|speech|tts|music/i.test(endpoint) ? 'audios' : 'images';
};

/** Returns `request`, which holds the parameters of older endpoints, or else the whole body. */
const readParameters = (body: JsonObject): JsonObject =>
  isObject(body['request']) ? body['request'] : body;

const readCount = (parameters: JsonObject): number => {
  const count = parameters['image_num'];
  return typeof count === 'number' && Number.isInteger(count) && count >= 1 && count <= 16
    ? count
    : 1;
};

/**
 * Creates a 63-bit seed. Like Novita's seeds, it may be larger than `Number.MAX_SAFE_INTEGER`. The
 * multiplier is that of Knuth's MMIX generator.
 */
const createSeed = (number: number): string =>
  BigInt.asUintN(63, BigInt(number) * 6364136223846793005n).toString();

const readSeed = (parameters: JsonObject, number: number): string => {
  const seed = parameters['seed'];
  return typeof seed === 'number' && seed >= 0 ? String(seed) : createSeed(number);
};

const enablesDetection = ({ extra }: JsonObject): boolean =>
  isObject(extra) && extra['enable_nsfw_detection'] === true;

const resolvePlan = (submission: Submission, plan: Plan, taskMs: number): ResolvedPlan => {
  const { body, endpoint, testMode } = submission;
  const status = testMode?.return_task_status ?? plan.status ?? 'TASK_STATUS_SUCCEED';
  const failure = testMode ? 'mock failure' : 'model load failed';
  return {
    status,
    reason: plan.reason ?? (status === 'TASK_STATUS_FAILED' ? failure : ''),
    media: plan.media ?? toMedia(endpoint),
    count: plan.count ?? readCount(readParameters(body)),
    nsfw: plan.nsfw ?? (enablesDetection(body) ? false : undefined),
    taskMs: testMode ? 0 : (plan.taskMs ?? taskMs),
    duplicates: plan.duplicates ?? 0,
    parallelCopies: plan.parallelCopies ?? 1,
    dropDelivery: plan.dropDelivery ?? false,
    transformEvent: plan.transformEvent,
  };
};

/**
 * Creates a queued task. Does not keep the body, which may hold images.
 *
 * @param plans later ones override earlier ones, field by field
 * @param taskMs default duration
 */
export const createTask = (
  submission: Submission,
  plans: readonly Plan[],
  taskMs: number,
  submittedAt: number,
): Task => {
  const { taskId: id, number, endpoint, body, callbackUrl, testMode } = submission;
  const parameters = readParameters(body);
  const prompt = parameters['prompt'];
  const plan = resolvePlan(submission, mergePlans(...plans), taskMs);
  return {
    id,
    number,
    endpoint,
    taskType: toTaskType(endpoint),
    status: 'TASK_STATUS_QUEUED',
    callbackUrl,
    testMode,
    prompt: typeof prompt === 'string' ? prompt.slice(0, 2000) : '',
    seed: readSeed(parameters, number),
    detectNsfw: plan.nsfw !== undefined,
    plan,
    submittedAt,
    finishedAt: undefined,
    event: undefined,
    copies: 0,
  };
};
