import { Buffer } from 'node:buffer';
import { createHmac, randomUUID } from 'node:crypto';

import { toEvent, type EventTemplate } from '../../lib/event-template.ts';
import type { Listening, Scheme } from '../protocol.ts';
import { SECRET } from '../secrets.ts';

type Headers = Readonly<Record<string, string>>;

/** Makes requests with a new task id each, signed as the sender of the target does. */
export function createRequests(
  { url, scheme }: Listening,
  template: EventTemplate,
  count: number,
): Buffer[] {
  const { host, pathname, search } = new URL(url);
  const toBody = scheme === 'polar' ? polarEvent : novitaEvent(template, url);
  return Array.from({ length: count }, () => {
    const id = randomUUID();
    const body = toBody(id);
    const headers = {
      host,
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      ...signatureOf[scheme](id, body),
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.from(`POST ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
  });
}

/** Novita echoes the callback URL with its token. */
function novitaEvent({ parts, bytes }: EventTemplate, url: string): (id: string) => string {
  const [marker, ...others] = parts.join('').match(/https:\/\/hooks\.example\.com[^"]*/g) ?? [];
  if (marker === undefined || others.length > 0) throw new Error('bench: no callback URL to echo.');
  const echoing = { bytes, parts: parts.map((part) => part.replace(marker, url)) };
  return (id) => toEvent(echoing, id);
}

/** An event of about the same size that the schema of Polar's SDK accepts. */
function polarEvent(id: string): string {
  const prompts = Array.from({ length: 12 }, (_, index) => [
    `prompt_${index}`,
    `a red kite over a lake, sampler Euler a, 20 steps, ${id}`,
  ]);
  const data = {
    id,
    created_at: '2026-03-01T10:15:00Z',
    modified_at: null,
    metadata: Object.fromEntries(prompts) as Record<string, string>,
    external_id: null,
    email: 'user@example.com',
    email_verified: true,
    name: 'User',
    billing_address: null,
    tax_id: null,
    organization_id: id,
    deleted_at: null,
    avatar_url: 'https://example.com/avatar.png',
  };
  return JSON.stringify({ type: 'customer.created', data });
}

const signatureOf: Readonly<Record<Scheme, (id: string, body: string) => Headers>> = {
  novita: () => ({}), // the token is in the URL
  github: (id, body) => ({
    'x-github-event': 'push',
    'x-github-delivery': id,
    'x-hub-signature-256': `sha256=${hmac(body).digest('hex')}`,
  }),
  stripe(_id, body) {
    const seconds = nowSeconds();
    return { 'stripe-signature': `t=${seconds},v1=${hmac(`${seconds}.${body}`).digest('hex')}` };
  },
  svix: (id, body) => standardHeaders('svix', id, body),
  standard: (id, body) => standardHeaders('webhook', id, body),
  polar: (id, body) => standardHeaders('webhook', id, body),
};

function standardHeaders(prefix: string, id: string, body: string): Headers {
  const seconds = nowSeconds();
  return {
    [`${prefix}-id`]: id,
    [`${prefix}-timestamp`]: String(seconds),
    [`${prefix}-signature`]: `v1,${hmac(`${id}.${seconds}.${body}`).digest('base64')}`,
  };
}

function hmac(text: string) {
  return createHmac('sha256', SECRET).update(text);
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
