import type { IncomingMessage } from 'node:http';

import { ApiError, invalidBody } from './api-error.ts';
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
    throw invalidBody('the body is not JSON');
  }
};

/** Novita documents `Content-Type: application/json` as required, but not what it answers without. */
const checkContentType = ({ headers }: IncomingMessage): void => {
  const contentType = headers['content-type'] ?? '';
  if (/^application\/json\s*(;|$)/i.test(contentType)) return;
  const problem = contentType === '' ? 'content-type is missing' : `content-type is ${contentType}`;
  throw invalidBody(`${problem}; send content-type: application/json`);
};

/**
 * Reads a JSON object.
 *
 * @throws {ApiError} when the content type is not that of JSON, when the body is not a JSON object or larger than 32 MiB
 */
export const readBody = async (request: IncomingMessage): Promise<JsonObject> => {
  const bytes = await readBytes(request);
  checkContentType(request);
  const value = parse(bytes);
  if (isObject(value)) return value;
  throw invalidBody('the body is not a JSON object');
};
