import { drawEventFaults, drawMs } from './draw.ts';
import { mergeFaults } from './faults.ts';
import type { DelayRange, FaultName, ResolvedFaults } from './faults.ts';
import { isObject, type JsonObject } from './json.ts';
import type { Media } from './novita-types.ts';
import type { Plan, ResolvedPlan } from './plan.ts';
import type { Submission } from './submission.ts';

/** Options of the simulator that are defaults of plans. */
export interface PlanSettings {
  readonly taskMs: DelayRange;
  readonly queueMs: DelayRange | undefined;
  readonly faults: ResolvedFaults;
  readonly seed: number;
}

/** A plan that includes the faults that were drawn for it. */
interface DrawnPlan {
  readonly plan: ResolvedPlan;
  readonly faults: readonly FaultName[];
}

/** Returns `request`, which holds the parameters of older endpoints, or else the whole body. */
export const readParameters = (body: JsonObject): JsonObject =>
  isObject(body['request']) ? body['request'] : body;

const readCount = (parameters: JsonObject): number => {
  const count = parameters['image_num'];
  return typeof count === 'number' && Number.isInteger(count) && count >= 1 && count <= 16
    ? count
    : 1;
};

const enablesDetection = ({ extra }: JsonObject): boolean =>
  isObject(extra) && extra['enable_nsfw_detection'] === true;

const toMedia = (endpoint: string): Media => {
  if (/video|2v|motion-control/i.test(endpoint)) return 'videos';
  return /audio|speech|tts|music/i.test(endpoint) ? 'audios' : 'images';
};

/** Durations of a task. By default, it is queued for a quarter of the time. */
const drawDurations = (
  { number, testMode }: Submission,
  plan: Plan,
  settings: PlanSettings,
): Pick<ResolvedPlan, 'taskMs' | 'queueMs'> => {
  if (testMode) return { taskMs: 0, queueMs: 0 };
  const { seed } = settings;
  const taskMs = drawMs(plan.taskMs ?? settings.taskMs, seed, [number, 'taskMs']);
  const queued = plan.queueMs ?? settings.queueMs;
  const queueMs = queued === undefined ? taskMs / 4 : drawMs(queued, seed, [number, 'queueMs']);
  return { taskMs, queueMs: Math.min(queueMs, taskMs) };
};

/** Numbers of copies, which a plan sets and a fault that was drawn increases. */
const resolveCopies = (
  plan: Plan,
  faults: ResolvedFaults,
  drawn: readonly FaultName[],
): Pick<ResolvedPlan, 'duplicates' | 'parallelCopies' | 'dropDelivery'> => {
  const copiesOf = (name: 'duplicate' | 'concurrent'): number =>
    drawn.includes(name) ? (faults[name]?.copies ?? 1) : 0;
  return {
    duplicates: (plan.duplicates ?? 0) + copiesOf('duplicate'),
    parallelCopies: (plan.parallelCopies ?? 1) + copiesOf('concurrent'),
    dropDelivery: plan.dropDelivery === true || drawn.includes('drop'),
  };
};

/** Fills in the defaults of a plan, and draws its faults and durations. */
export const resolvePlan = (
  submission: Submission,
  plan: Plan,
  settings: PlanSettings,
): DrawnPlan => {
  const { body, endpoint, testMode, number } = submission;
  const status = testMode?.return_task_status ?? plan.status ?? 'TASK_STATUS_SUCCEED';
  const failure = testMode ? 'mock failure' : 'model load failed';
  const faults = mergeFaults(settings.faults, plan.faults ?? {});
  const drawn = drawEventFaults(faults, settings.seed, number);
  const resolved = {
    status,
    reason: plan.reason ?? (status === 'TASK_STATUS_FAILED' ? failure : ''),
    media: plan.media ?? toMedia(endpoint),
    count: plan.count ?? readCount(readParameters(body)),
    nsfw: plan.nsfw ?? (enablesDetection(body) ? false : undefined),
    ...drawDurations(submission, plan, settings),
    ...resolveCopies(plan, faults, drawn),
    transformEvent: plan.transformEvent,
    faults,
  };
  return { plan: resolved, faults: drawn };
};
