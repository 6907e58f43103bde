// Submits a task of test mode to Novita, and looks whether its event arrives.
import { setTimeout as sleep } from 'node:timers/promises';

import { createTaskResultClient, isWebhookError, type JsonObject } from '@novita-webhooks/core';
import { CommandError, messageOf, parseJsonObject, readText } from '@novita-webhooks/simulator/cli';

import { invocation } from '../invocation.ts';
import { error, ok, skipped, type Check } from './check.ts';

/** How a task is submitted. */
export interface NovitaOptions {
  readonly apiKey: string;
  readonly baseUrl: string;
  /** Below `/v3/async`, such as `txt2img`. */
  readonly submit: string;
  /** File with the body for another endpoint than `txt2img`. */
  readonly submitBody?: string;
  /** How long an event is awaited. */
  readonly waitMs: number;
  /** Whether the event has arrived; `undefined` if this command cannot see it. */
  readonly hasArrived: ((taskId: string) => Promise<boolean>) | undefined;
  readonly onProgress: (text: string) => void;
}

const SUBMIT_TIMEOUT_MS = 30_000;
const POLL_INTERVAL_MS = 500;
const POLLS_PER_QUESTION = 4;

/** The smallest picture that `txt2img` makes, if Novita ignores the test mode. */
const TXT2IMG: JsonObject = {
  request: {
    model_name: 'sd_xl_base_1.0.safetensors',
    prompt: 'a red kite',
    negative_prompt: '',
    width: 128,
    height: 128,
    image_num: 1,
    steps: 1,
    seed: 1,
    guidance_scale: 7.5,
    sampler_name: 'Euler a',
  },
};

const readBody = async (file: string | undefined): Promise<JsonObject> => {
  if (file === undefined) return TXT2IMG;
  const text = await readText(file, `--submit-body ${file}`);
  try {
    return parseJsonObject(text);
  } catch (cause) {
    throw new CommandError('input', `--submit-body ${file}: it is no JSON object.`, { cause });
  }
};

const addWebhook = (body: JsonObject, url: string): JsonObject => {
  const testMode = { enabled: true, return_task_status: 'TASK_STATUS_FAILED' };
  const extra = Object(body['extra']) as JsonObject;
  return { ...body, extra: { ...extra, webhook: { url, test_mode: testMode } } };
};

type Submitted = { readonly taskId: string } | { readonly refusal: string };

const parse = (text: string): Record<string, unknown> => {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
};

const submitTask = async (url: string, options: NovitaOptions): Promise<Submitted> => {
  const { baseUrl, submit, apiKey, submitBody } = options;
  const body = addWebhook(await readBody(submitBody), url);
  try {
    const response = await fetch(`${baseUrl}/v3/async/${submit}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
      body: JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(SUBMIT_TIMEOUT_MS),
    });
    const { task_id: taskId, reason, message } = parse(await response.text());
    if (response.ok && typeof taskId === 'string') return { taskId };
    const why = [response.status, reason, message].filter((it) => it !== undefined && it !== '');
    return { refusal: why.map(String).join(' ').replaceAll(apiKey, '[redacted]').slice(0, 300) };
  } catch (thrown) {
    return { refusal: messageOf((thrown as Error).cause ?? thrown) };
  }
};

/** Asks the Task Result API. Returns the status, or the error in words. */
const createAsk = ({ apiKey, baseUrl }: NovitaOptions) => {
  const client = createTaskResultClient({ apiKey, baseUrl, retry: { maxAttempts: 1 } });
  return async (taskId: string): Promise<string> => {
    try {
      return (await client.get(taskId)).task.status;
    } catch (thrown) {
      if (isWebhookError(thrown, 'task_not_found')) return 'no such task';
      return messageOf(thrown);
    }
  };
};

interface Observation {
  readonly arrivedAfterMs: number | undefined;
  readonly apiSays: string;
}

const isFinal = (status: string): boolean => /^TASK_STATUS_(SUCCEED|FAILED)$/.test(status);

const observe = async (taskId: string, options: NovitaOptions): Promise<Observation> => {
  const { waitMs, hasArrived, onProgress } = options;
  const ask = createAsk(options);
  const startedAt = performance.now();
  const elapsed = (): number => Math.round(performance.now() - startedAt);
  let apiSays = await ask(taskId);
  for (let polls = 1; elapsed() < waitMs; polls++) {
    if (await hasArrived?.(taskId)) return { arrivedAfterMs: elapsed(), apiSays };
    if (hasArrived === undefined && isFinal(apiSays)) break;
    onProgress(`waiting for the event of ${taskId}: ${Math.round(elapsed() / 1000)} s`);
    await sleep(Math.min(POLL_INTERVAL_MS, waitMs));
    if (polls % POLLS_PER_QUESTION === 0 && !isFinal(apiSays)) apiSays = await ask(taskId);
  }
  return { arrivedAfterMs: undefined, apiSays };
};

const describeObservation = (
  taskId: string,
  { arrivedAfterMs, apiSays }: Observation,
  { submit, waitMs, hasArrived }: NovitaOptions,
): Check => {
  const api = `The Task Result API says: ${apiSays}.`;
  if (arrivedAfterMs !== undefined) {
    const message = `Novita honours webhooks at ${submit}: the event of ${taskId} arrived after ${arrivedAfterMs} ms. ${api}`;
    return ok('novita', message);
  }
  if (hasArrived === undefined) {
    const message = `Novita accepted the task ${taskId} at ${submit}. This command cannot see whether its event arrived. ${api}`;
    const advice = `Run \`${invocation()} inbox show ${taskId}\`, or pass --inbox or --listen.`;
    return skipped('novita', message, advice);
  }
  const message = `No event of the task ${taskId} at ${submit} arrived within ${waitMs / 1000} s. ${api}`;
  const advice =
    'Novita sends no webhooks for this endpoint, or cannot reach the URL. Submit with receiver.submit() ' +
    'and `taskResults`: results that no webhook brings are asked for.';
  return error('novita', message, advice);
};

/** Checks whether an endpoint of Novita honours webhooks. */
export const checkNovita = async (signedUrl: string, options: NovitaOptions): Promise<Check> => {
  const submitted = await submitTask(signedUrl, options);
  if ('taskId' in submitted) {
    const { taskId } = submitted;
    return describeObservation(taskId, await observe(taskId, options), options);
  }
  const message = `Novita refused the task at ${options.submit}: ${submitted.refusal}.`;
  const advice =
    'Check NOVITA_API_KEY and --base-url. Novita retires endpoints: pass another one with --submit and --submit-body.';
  return error('novita', message, advice);
};
