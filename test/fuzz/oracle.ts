// Decides whether what a server did with an input is allowed.
import type { Reply } from './reply-parser.ts';
import type { Input } from './requests.ts';
import type { Exchange } from './send.ts';
import { MARK } from './shared.ts';

/** The 5xx that design allows: the inbox, the limits and the handlers cause them. */
const ALLOWED_503 = /^(inbox_full|inbox_unavailable|reply_timeout|not_handled|closing|overloaded)$/;
/** The framework's own answers to what is not HTTP, or not for the endpoint. */
const FRAMEWORK = new Set([400, 404, 405, 408, 413, 414, 415, 417, 431, 501]);

/** With these a framework says which path it does not know. The reply is not ours. */
const ROUTING = new Set([404, 414]);

/** Remembers what must be the same in all replies of a run. */
export interface Oracle {
  /** @returns what is wrong; an empty list if nothing is */
  problemsOf(input: Input, exchange: Exchange): string[];
}

/** The code of a reply of ours; `null` for a reply of the framework. */
export function codeOf({ head, body }: Reply): string | null {
  if (!/\r\ncontent-type: application\/(problem\+)?json(;|\r|$)/im.test(`${head}\r`)) return null;
  try {
    const { code, status } = JSON.parse(body) as { code?: unknown; status?: unknown };
    if (typeof code === 'string' && !code.startsWith('FST_')) return code;
    return typeof status === 'string' ? status : null;
  } catch {
    return null;
  }
}

export function createOracle(): Oracle {
  const bodies = new Map<string, string>();

  function problemsOfReply(reply: Reply): string[] {
    const code = codeOf(reply);
    const { status, body, head } = reply;
    const problems: string[] = [];
    if (Number.isNaN(status)) problems.push('the reply is not HTTP');
    const isEcho = `${head}${body}`.includes(MARK) || /nwt1\.\w/.test(head + body);
    if (isEcho && !(code === null && (ROUTING.has(status) || body.includes('FST_ERR_BAD_URL'))))
      problems.push('the reply has a value of the request');
    if (code === null && !FRAMEWORK.has(status) && !(status === 405 && body === '')) {
      problems.push(`a reply that is not ours has status ${status}`);
    }
    if (code === null) return problems;
    if (status >= 500 && !(status === 503 && ALLOWED_503.test(code)))
      problems.push(`${status} ${code}`);
    if (status === 503 && !/\r\nretry-after: \d/i.test(head))
      problems.push('503 without Retry-After');
    const first = bodies.get(code) ?? body;
    bodies.set(code, first);
    if (body !== first) problems.push(`two bodies for ${code}: ${first} and ${body}`);
    return problems;
  }

  return {
    problemsOf(input, { replies, rest, end }) {
      const problems = replies.flatMap(problemsOfReply);
      if (rest !== '' && end !== 'timeout' && input.after === 'keep')
        problems.push('bytes that are no reply');
      if (end === 'timeout') problems.push('neither a reply nor a closed connection in 15 s');
      if (input.statuses.length === 0) return problems;
      const [first] = replies;
      // Node closes a connection whose client has closed its side, and drops the reply.
      if (first === undefined && input.after === 'keep')
        problems.push('no reply to a valid request');
      else if (first && !input.statuses.includes(first.status)) {
        problems.push(`status ${first.status}, expected ${input.statuses.join(' or ')}`);
      }
      return problems;
    },
  };
}
