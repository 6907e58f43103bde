import type { ServerResponse } from 'node:http';

import { ApiError } from './api-error.ts';
import type { LinkRefusal } from './links.ts';

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

export const toJson = (value: unknown, status = 200): Reply => ({
  status,
  contentType: 'application/json',
  body: JSON.stringify(value),
});

/** As S3 says it. */
export const toXml = ({ code, message }: LinkRefusal, status: number): Reply => ({
  status,
  contentType: 'application/xml',
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});

export const toErrorReply = (error: unknown): Reply => {
  if (error instanceof ApiError) return toJson(error.body, error.status);
  const message = error instanceof Error ? error.message : String(error);
  return toJson(new ApiError(500, 'INTERNAL_ERROR', message).body, 500);
};

export const writeReply = (response: ServerResponse, reply: Reply): void => {
  const { status, contentType, body } = reply;
  const length = Buffer.byteLength(body);
  response.writeHead(status, { 'content-type': contentType, 'content-length': length });
  response.end(body);
};
