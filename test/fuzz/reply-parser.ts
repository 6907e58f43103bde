// Reads the replies that a server sends on one connection.

/** A reply as bytes and in parts. */
export interface Reply {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  readonly closes: boolean;
}

export interface ParsedReplies {
  readonly replies: readonly Reply[];
  /** Bytes after the last complete reply. */
  readonly rest: string;
}

/**
 * @param text everything that the server has sent, as latin1
 * @param isEnded whether the server has closed the connection: it ends a reply without a length
 * @param toHead whether the request was HEAD, so that no reply has a body
 */
export function parseReplies(text: string, isEnded: boolean, toHead: boolean): ParsedReplies {
  const replies: Reply[] = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) return { replies, rest };
    const head = rest.slice(0, end);
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? NaN);
    const after = rest.slice(end + 4);
    const length = toHead || status < 200 ? 0 : bodyLength(head, after, isEnded);
    if (length === null || after.length < length) return { replies, rest };
    rest = after.slice(length);
    if (status < 200) continue; // 100 Continue
    const closes = /\r\nconnection: close/i.test(head);
    replies.push({ status, head, body: after.slice(0, length), closes });
  }
}

/** `null` if the body is not complete. */
function bodyLength(head: string, after: string, isEnded: boolean): number | null {
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
  if (length !== undefined) return Number(length);
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const end = after.indexOf('0\r\n\r\n');
    return end === -1 ? null : end + 5;
  }
  return isEnded ? after.length : null;
}
