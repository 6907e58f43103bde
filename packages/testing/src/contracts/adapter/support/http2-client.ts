import { connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import { pipeline } from 'node:stream/promises';

import { isWhole, REPLY_TIMEOUT_MS, type HttpOptions, type HttpReply } from './http-message.ts';

/** Sends one request on a new HTTP/2 connection without TLS, to an `h2c:` URL. */
export function sendHttp2(url: string, options: HttpOptions): Promise<HttpReply> {
  const { method = 'GET', headers = {}, body = '', timeoutMs = REPLY_TIMEOUT_MS } = options;
  const { host, pathname, search } = new URL(url);
  const session = connect(`http://${host}`);
  const stream = session.request({
    ':method': method,
    ':path': pathname + search,
    ...(isWhole(body) ? { 'content-length': Buffer.byteLength(body) } : {}),
    ...headers,
  });
  const reply = new Promise<HttpReply>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const chunks: Buffer[] = [];
    let head: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
    session.on('error', reject);
    stream.on('error', reject);
    stream.on('response', (received) => (head = received));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      clearTimeout(timer);
      const text = Buffer.concat(chunks).toString();
      resolve({ status: head[':status'] ?? 0, headers: head, body: text });
    });
  });
  if (isWhole(body)) stream.end(body.length > 0 ? body : undefined);
  // A stream that closes before the body is written was answered, or emits its own error.
  else pipeline(body, stream).catch(() => undefined);
  return reply.finally(() => session.destroy());
}
