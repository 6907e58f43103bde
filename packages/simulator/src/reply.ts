import type { ServerResponse } from 'node:http';

import type { LinkRejection } from './links.ts';

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

export const createJsonReply = (value: unknown, status = 200): Reply => ({
  status,
  contentType: 'application/json',
  body: JSON.stringify(value),
});

/** Creates a 403 in the XML form of S3. */
export const createLinkReply = ({ code, message }: LinkRejection): Reply => ({
  status: 403,
  contentType: 'application/xml',
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});

export const writeReply = (response: ServerResponse, reply: Reply): void => {
  const { status, contentType, body } = reply;
  const length = Buffer.byteLength(body);
  response.writeHead(status, { 'content-type': contentType, 'content-length': length });
  response.end(body);
};
