import type { IncomingMessage } from 'node:http';

import { ApiError, invalidRequest } from './api-error.ts';
import { isObject, type JsonObject } from './json.ts';

/** 32 MiB: submit bodies may hold images as base64. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

const readBytes = async (request: IncomingMessage): Promise<Buffer> => {
  const kept: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // Reads a large body to its end: a client that is cut off while it sends never sees the 413.
    if (length <= MAX_BODY_BYTES) kept.push(chunk);
    else kept.length = 0;
  }
  if (length <= MAX_BODY_BYTES) return Buffer.concat(kept);
  throw new ApiError(413, 'REQUEST_TOO_LARGE', `the body is larger than ${MAX_BODY_BYTES} bytes`);
};

const parse = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalidRequest('the body is not JSON');
  }
};

/**
 * Reads a JSON object.
 *
 * @throws {ApiError} when the body is not a JSON object or larger than 32 MiB
 */
export const readBody = async (request: IncomingMessage): Promise<JsonObject> => {
  const value = parse(await readBytes(request));
  if (isObject(value)) return value;
  throw invalidRequest('the body is not a JSON object');
};
