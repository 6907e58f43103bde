import type { WebhookRequest } from '../delivery/request.ts';
import { fromBase64 } from '../shared/base64url.ts';
import type { JsonObject } from '../shared/json.ts';
import { readOr } from '../shared/read-or.ts';
import type { ReceiverOptions } from '../options.ts';
import type { Receiver } from '../receiver.ts';
import { toReceiver } from './to-receiver.ts';

type One = Readonly<Record<string, string | undefined>> | null | undefined;
type Many = Readonly<Record<string, readonly string[] | undefined>> | null | undefined;

/** The part of an event that is read: API Gateway v1 and v2, function URLs, load balancers. */
export interface LambdaEvent {
  /** API Gateway v1, load balancers. */
  readonly httpMethod?: string | undefined;
  /** API Gateway v2, function URLs. */
  readonly rawQueryString?: string | undefined;
  readonly requestContext?:
    | {
        /** API Gateway v2, function URLs. */
        readonly http?:
          | { readonly method?: string | undefined; readonly sourceIp?: string | undefined }
          | undefined;
        /** API Gateway v1. */
        readonly identity?: { readonly sourceIp?: string | null | undefined } | undefined;
        // Not read. Declared so that events without `http` are assignable to this type.
        readonly accountId?: unknown;
        readonly elb?: unknown;
      }
    | undefined;
  readonly queryStringParameters?: One;
  readonly multiValueQueryStringParameters?: Many;
  readonly headers?: One;
  readonly multiValueHeaders?: Many;
  readonly body?: string | null | undefined;
  readonly isBase64Encoded?: boolean | undefined;
}

/** A response that every event source accepts. */
export interface LambdaResult {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  /** The only headers that a load balancer with `multiValueHeaders` reads. */
  readonly multiValueHeaders?: Record<string, string[]>;
  readonly body: string;
  readonly isBase64Encoded: false;
}

/** One parameter only: Lambda treats a function with three parameters as callback-style. */
export type LambdaHandler = (event: LambdaEvent) => Promise<LambdaResult>;

/**
 * Receives Novita's webhooks as an AWS Lambda function. Takes a receiver, or the options of
 * `createReceiver`.
 *
 * Lambda suspends the process after the reply. Therefore the reply waits for the handlers and is 2xx
 * only if they succeeded, unless `ack` was set or the inbox keeps events outside the process.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * export const handler = toLambdaHandler({ secret, onTaskSucceeded });
 */
export function toLambdaHandler(receiver: Receiver<object>): LambdaHandler;
// Two signatures, because TypeScript does not infer the parameters of inline handlers from a union.
export function toLambdaHandler<Metadata extends object = JsonObject, Tx = unknown>(
  options: ReceiverOptions<Metadata, Tx>,
): LambdaHandler;
export function toLambdaHandler(
  target: Receiver<object> | ReceiverOptions,
  beside?: unknown,
): LambdaHandler {
  const usage = 'export const handler = toLambdaHandler(receiver)';
  const receiver = toReceiver(target, { usage, beside });
  return async (event) => {
    const reply = await receiver.handle(toWebhookRequest(event), { ephemeral: true });
    const headers = { ...reply.headers };
    const many = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value]]),
    );
    return {
      statusCode: reply.status,
      headers,
      ...(readOr(() => event.multiValueHeaders, null) ? { multiValueHeaders: many } : {}),
      body: reply.body,
      isBase64Encoded: false,
    };
  };
}

/** With getters, because only the pipeline handles the errors of an event that cannot be read. */
function toWebhookRequest(event: LambdaEvent): WebhookRequest {
  return {
    get method() {
      return methodOf(event);
    },
    get url() {
      return `/?${queryOf(event)}`;
    },
    get headers() {
      return headersOf(event);
    },
    get body() {
      return bodyOf(event);
    },
    get remoteAddress() {
      const { http, identity } = event.requestContext ?? {};
      return http?.sourceIp ?? identity?.sourceIp ?? undefined;
    },
  };
}

function methodOf({ httpMethod, requestContext }: LambdaEvent): string {
  return httpMethod ?? requestContext?.http?.method ?? '';
}

/** Load balancers pass encoded names and values, API Gateway v1 decoded ones. */
function queryOf(event: LambdaEvent): string {
  if (event.rawQueryString !== undefined) return event.rawQueryString;
  const { multiValueQueryStringParameters: many, queryStringParameters: one } = event;
  const isEncoded = event.requestContext?.elb !== undefined;
  const encode = isEncoded ? (text: string) => text : encodeText;
  const pairs = listed(many, one).flatMap(([name, values]) =>
    values.map((value) => `${encode(name)}=${encode(value)}`),
  );
  return pairs.join('&');
}

/** Unlike `encodeURIComponent` alone, it does not throw for a lone surrogate. */
function encodeText(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\uFFFD'));
}

function headersOf(event: LambdaEvent): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (const [name, values] of listed(event.multiValueHeaders, event.headers)) {
    headers[name.toLowerCase()] = [...values];
  }
  return headers;
}

/** The values of each name, from the form that the event has. */
function listed(many: Many, one: One): [string, readonly string[]][] {
  const entries = Object.entries(many ?? {}).map(([name, values]) => [name, values ?? []] as const);
  if (entries.length > 0) return entries.map(([name, values]) => [name, values]);
  return Object.entries(one ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, [value]]],
  );
}

/** A stream, like every other unread body. */
async function* bodyOf(event: LambdaEvent): AsyncGenerator<string | Uint8Array> {
  const { body, isBase64Encoded } = event;
  if (body === null || body === undefined) return;
  yield isBase64Encoded === true ? (fromBase64(body) ?? '') : body;
}
