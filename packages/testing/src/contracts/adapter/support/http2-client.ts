import { connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import { pipeline } from 'node:stream/promises';

import { isWhole, type HttpOptions, type HttpReply } from './http-message.ts';

/** One request on a connection of its own, by HTTP/2 without TLS, to a URL with `h2c:`. */
export function sendHttp2(url: string, options: HttpOptions): Promise<HttpReply> {
  const { method = 'GET', headers = {}, body = '', timeoutMs = 5000 } = options;
  const { host, pathname, search } = new URL(url);
  const session = connect(`http://${host}`);
  const stream = session.request({
    ':method': method,
    ':path': pathname + search,
    ...(isWhole(body) ? { 'content-length': Buffer.byteLength(body) } : {}),
    ...headers,
  });
  const answered = new Promise<HttpReply>((resolve, reject) => {
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
  // Closed before all is written, a stream has been answered, or fails by itself.
  else pipeline(body, stream).catch(() => undefined);
  return answered.finally(() => session.destroy());
}
