import { isObject, type JsonObject } from './json.ts';
import { mergePlans, type Plan, type ResolvedPlan } from './plan.ts';
import type { Submission } from './submission.ts';
import type { Media, TaskEvent, TaskStatus, TestMode } from './novita-types.ts';

/** A task and what has become of it. */
export interface SimulatedTask {
  readonly id: string;
  /** 1 for the first task of this simulator. */
  readonly number: number;
  readonly endpoint: string;
  /** `TXT_TO_IMG` and so on. */
  readonly taskType: string;
  readonly status: TaskStatus;
  readonly callbackUrl: string | undefined;
  readonly testMode: TestMode | undefined;
  /** Cut after 2,000 characters. */
  readonly prompt: string;
  readonly seed: string;
  readonly detectNsfw: boolean;
  readonly plan: ResolvedPlan;
  /** Milliseconds since 1970, by the simulator's clock. */
  readonly submittedAt: number;
  /** `undefined` while the task runs. */
  readonly finishedAt: number | undefined;
  /** As Novita would send it, before the plan's `transformEvent`. `undefined` while the task runs. */
  readonly event: TaskEvent | undefined;
  /** Copies of the event that were begun so far, without repeats. */
  readonly copies: number;
}

/** The same record, for the simulator itself. */
export type Task = { -readonly [Field in keyof SimulatedTask]: SimulatedTask[Field] };

const knownTypes: Readonly<Record<string, string>> = {
  txt2img: 'TXT_TO_IMG',
  img2img: 'IMG_TO_IMG',
  txt2video: 'TXT_TO_VIDEO',
  img2video: 'IMG_TO_VIDEO',
  'video/create': 'VIDEO_CREATE',
};

/** A dot survives: Novita has types such as MINIMAX_SPEECH_2.8_HD. */
const toTaskType = (endpoint: string): string => {
  const segment = endpoint.split('/').at(-1) ?? endpoint;
  const upperSnake = segment.replace(/([a-z\d])([A-Z])/g, '$1_$2').replace(/[^A-Za-z\d.]+/g, '_');
  return knownTypes[endpoint] ?? upperSnake.toUpperCase();
};

const toMedia = (endpoint: string): Media => {
  if (/video|2v/i.test(endpoint)) return 'videos';
  return /audio|speech|tts|music/i.test(endpoint) ? 'audios' : 'images';
};

/** The older endpoints wrap their parameters in `request`, the newer ones do not. */
const readParameters = (body: JsonObject): JsonObject =>
  isObject(body['request']) ? body['request'] : body;

const readCount = (parameters: JsonObject): number => {
  const count = parameters['image_num'];
  return typeof count === 'number' && Number.isInteger(count) && count >= 1 && count <= 16
    ? count
    : 1;
};

/** Too large for a JavaScript number, as real ones are; spread out by Knuth's multiplier. */
const inventSeed = (number: number): string =>
  BigInt.asUintN(63, BigInt(number) * 6364136223846793005n).toString();

const readSeed = (parameters: JsonObject, number: number): string => {
  const seed = parameters['seed'];
  return typeof seed === 'number' && seed >= 0 ? String(seed) : inventSeed(number);
};

const asksForDetection = ({ extra }: JsonObject): boolean =>
  isObject(extra) && extra['enable_nsfw_detection'] === true;

const settlePlan = (submission: Submission, wanted: Plan, taskMs: number): ResolvedPlan => {
  const { body, endpoint, testMode } = submission;
  const status = testMode?.return_task_status ?? wanted.status ?? 'TASK_STATUS_SUCCEED';
  const whyFailed = testMode ? 'mock failure' : 'model load failed';
  return {
    status,
    reason: wanted.reason ?? (status === 'TASK_STATUS_FAILED' ? whyFailed : ''),
    media: wanted.media ?? toMedia(endpoint),
    count: wanted.count ?? readCount(readParameters(body)),
    nsfw: wanted.nsfw ?? (asksForDetection(body) ? false : undefined),
    taskMs: testMode ? 0 : (wanted.taskMs ?? taskMs),
    duplicates: wanted.duplicates ?? 0,
    parallelCopies: wanted.parallelCopies ?? 1,
    dropDelivery: wanted.dropDelivery ?? false,
    transformEvent: wanted.transformEvent,
  };
};

/** Later plans win. Of the body only a few words are kept: it may hold images. */
export const createTask = (
  submission: Submission,
  plans: readonly Plan[],
  taskMs: number,
  submittedAt: number,
): Task => {
  const { taskId: id, number, endpoint, body, callbackUrl, testMode } = submission;
  const parameters = readParameters(body);
  const prompt = parameters['prompt'];
  const plan = settlePlan(submission, mergePlans(...plans), taskMs);
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
