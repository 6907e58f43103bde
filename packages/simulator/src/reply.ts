import type { ServerResponse } from 'node:http';

import type { LinkRejection } from './links.ts';

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
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
  const { status, contentType, body, headers = {} } = reply;
  const length = Buffer.byteLength(body);
  response.writeHead(status, {
    ...headers,
    'content-type': contentType,
    'content-length': length,
  });
  response.end(body);
};
