import { matchesEndpoint } from './endpoints.ts';
import type { FaultName } from './faults.ts';
import type { JsonObject } from './json.ts';
import type { TaskEvent, TaskStatus, TestMode } from './novita-types.ts';
import { mergePlans, type Plan, type ResolvedPlan } from './plan.ts';
import { readParameters, resolvePlan, type PlanSettings } from './resolve-plan.ts';
import type { Submission } from './submission.ts';

/**
 * What has become of the event of a task.
 *
 * - `none`: no callback URL, or the endpoint never sends a webhook
 * - `waiting`: the task runs, or the event is held back
 * - `delivering`: a POST runs
 * - `retrying`: the next attempt is due at `nextAttemptAt`
 * - `acknowledged`: the endpoint answered with a 2xx
 * - `unacknowledged`: no retry is left. The event is kept for `redeliver()`.
 * - `dropped`: the plan or a fault drops the event. It is kept for `redeliver()`.
 */
export type EventState =
  'none' | 'waiting' | 'delivering' | 'retrying' | 'acknowledged' | 'unacknowledged' | 'dropped';

/** What a task and its public snapshot have in common. */
interface TaskFields {
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
  /** Number of POSTs that ended. */
  readonly attempts: number;
  readonly eventState: EventState;
  /** Milliseconds since 1970, by the simulator's clock. `undefined` if no attempt is scheduled. */
  readonly nextAttemptAt: number | undefined;
  /** Faults of the event as a whole. Those of one POST are in `Delivery.faults`. */
  readonly faults: readonly FaultName[];
}

/** A task and its state, without tokens in its URLs. */
export interface SimulatedTask extends TaskFields {
  /** 0 to 100, by the time that has passed. */
  readonly progressPercent: number;
}

/** The simulator's own, mutable record of a task. `callbackUrl` and `event` carry the token. */
export type Task = { -readonly [Field in keyof TaskFields]: TaskFields[Field] };

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

/**
 * Creates a queued task. Does not keep the body, which may hold images.
 *
 * @param plans later ones override earlier ones, field by field
 */
export const createTask = (
  submission: Submission,
  plans: readonly Plan[],
  settings: PlanSettings & { readonly endpointsWithoutWebhooks: readonly string[] },
  submittedAt: number,
): Task => {
  const { taskId: id, number, endpoint, body, callbackUrl, testMode } = submission;
  const parameters = readParameters(body);
  const prompt = parameters['prompt'];
  const { plan, faults } = resolvePlan(submission, mergePlans(...plans), settings);
  const hasEvent =
    callbackUrl !== undefined && !matchesEndpoint(settings.endpointsWithoutWebhooks, endpoint);
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
    attempts: 0,
    eventState: hasEvent ? 'waiting' : 'none',
    nextAttemptAt: undefined,
    faults: hasEvent ? faults : [],
  };
};
