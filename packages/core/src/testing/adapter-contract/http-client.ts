import { Agent, request, type IncomingHttpHeaders } from 'node:http';

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A body as text, or as chunks that may come as slowly as they like. */
export type HttpBody = string | AsyncIterable<string | Uint8Array>;

export interface HttpOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  readonly agent?: Agent;
  /** Default 5000: an adapter that does not answer fails its case. */
  readonly timeoutMs?: number;
}

export function post(
  url: string,
  body: HttpBody,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpReply> {
  return send(url, { method: 'POST', body, headers });
}

/** One request. An answer counts also when the connection breaks after it. */
export function send(url: string, options: HttpOptions): Promise<HttpReply> {
  const { method = 'GET', headers = {}, body = '', timeoutMs = 5000, agent } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method,
      headers:
        typeof body === 'string'
          ? { 'content-length': Buffer.byteLength(body), ...headers }
          : headers,
      agent: agent ?? new Agent({ keepAlive: false }),
    });
    const timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`));
      outgoing.destroy();
    }, timeoutMs);
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        clearTimeout(timer);
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
        if (!outgoing.writableEnded) outgoing.destroy();
      });
    });
    if (typeof body === 'string') outgoing.end(body);
    else void pump(body, outgoing);
  });
}

type Outgoing = ReturnType<typeof request>;

/** Writes chunk by chunk, and stops when nobody listens any more. */
async function pump(body: AsyncIterable<string | Uint8Array>, outgoing: Outgoing): Promise<void> {
  let wake: () => void = () => undefined;
  for (const event of ['drain', 'close']) outgoing.on(event, () => wake());
  for await (const chunk of body) {
    if (outgoing.destroyed) return;
    const drained = new Promise<void>((resolve) => (wake = resolve));
    if (!outgoing.write(chunk)) await drained;
  }
  outgoing.end();
}
