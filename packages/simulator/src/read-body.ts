import type { IncomingMessage } from 'node:http';

import { ApiError, invalidRequest } from './api-error.ts';
import { isObject, type JsonObject } from './json.ts';

/** Images are sent as base64, so bodies are large. */
const limitBytes = 32 * 1024 * 1024;

const readBytes = async (request: IncomingMessage): Promise<Buffer> => {
  const kept: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // Read to the end all the same: a client that is cut off while it sends never sees the 413.
    if (length <= limitBytes) kept.push(chunk);
    else kept.length = 0;
  }
  if (length <= limitBytes) return Buffer.concat(kept);
  throw new ApiError(413, 'REQUEST_TOO_LARGE', `the body is larger than ${limitBytes} bytes`);
};

const parse = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalidRequest('the body is not JSON');
  }
};

/** Reads a JSON object of at most 32 MiB. Throws an ApiError for everything else. */
export const readBody = async (request: IncomingMessage): Promise<JsonObject> => {
  const value = parse(await readBytes(request));
  if (isObject(value)) return value;
  throw invalidRequest('the body must be a JSON object');
};
