import { randomUUID } from 'node:crypto';

import { ApiError, invalidRequest } from './api-error.ts';
import { isObject, type JsonObject } from './check.ts';
import { finalStatus } from './plan.ts';
import type { TestMode } from './wire.ts';

/** What the simulator understood of a submit call. */
export interface Submission {
  readonly taskId: string;
  /** 1 for the first task of this simulator: `number % 3 === 0` is every third. */
  readonly number: number;
  /** `txt2img`, or `video/create` for the unified video API. */
  readonly endpoint: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly callbackUrl: string | undefined;
  readonly testMode: TestMode | undefined;
}

interface Webhook {
  readonly callbackUrl: string | undefined;
  readonly testMode: TestMode | undefined;
}

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** A member of the body that may be missing, but must be an object if it is there. */
export const readSection = (parent: JsonObject, name: string, path: string): JsonObject => {
  const value = parent[name] ?? {};
  if (!isObject(value)) throw invalidRequest(`${path} must be an object`);
  return value;
};

const checkAddress = (value: string, path: string, allowRemote: boolean): void => {
  const { protocol, hostname } = new URL(value);
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw invalidRequest(`${path} must be an http or https URL, got ${protocol}`);
  }
  if (allowRemote || loopback.test(hostname)) return;
  const advice = 'the simulator delivers to loopback hosts only, unless created with allowRemote';
  throw new ApiError(400, 'REMOTE_CALLBACK', `${path} points at ${hostname}: ${advice}`);
};

/** Throws an ApiError for a URL that the simulator may not POST to. */
export const readCallbackUrl = (
  value: unknown,
  path: string,
  allowRemote: boolean,
): string | undefined => {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || !URL.canParse(value)) {
    throw invalidRequest(`${path} must be a URL`);
  }
  checkAddress(value, path, allowRemote);
  return value;
};

const readTestMode = (webhook: JsonObject): TestMode | undefined => {
  const path = 'extra.webhook.test_mode';
  const { enabled, return_task_status: status } = readSection(webhook, 'test_mode', path);
  if (enabled === undefined || enabled === false) return undefined;
  if (enabled !== true) throw invalidRequest(`${path}.enabled must be true or false`);
  try {
    finalStatus(`${path}.return_task_status`, status);
  } catch (error) {
    throw invalidRequest((error as Error).message);
  }
  return { enabled, return_task_status: status as TestMode['return_task_status'] };
};

const readWebhook = (endpoint: string, body: JsonObject, allowRemote: boolean): Webhook => {
  if (endpoint === 'video/create') {
    const callbackUrl = readCallbackUrl(body['callback_url'], 'callback_url', allowRemote);
    return { callbackUrl, testMode: undefined };
  }
  const webhook = readSection(readSection(body, 'extra', 'extra'), 'webhook', 'extra.webhook');
  const callbackUrl = readCallbackUrl(webhook['url'], 'extra.webhook.url', allowRemote);
  return { callbackUrl, testMode: readTestMode(webhook) };
};

/** Throws an ApiError when the body asks for something that cannot be. */
export const readSubmission = (
  endpoint: string,
  body: JsonObject,
  number: number,
  allowRemote: boolean,
): Submission => {
  const webhook = readWebhook(endpoint, body, allowRemote);
  // Random, unlike all the rest: ids that come again after a restart would be duplicates to the
  // durable inbox of whoever is being tested.
  return { taskId: randomUUID(), number, endpoint, body, ...webhook };
};
