import { fromBase64 } from '../shared/base64url.ts';
import type { ReceiverOptions } from '../options.ts';
import { toReceiver, type Receiver } from '../receiver.ts';

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
        readonly http?: { readonly method?: string | undefined } | undefined;
        // Not read. Named so that the types of the others fit, which have nothing of the above.
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

/** Understood by all of them. */
export interface LambdaResult {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  /** For load balancers that send `multiValueHeaders`: they read nothing else. */
  readonly multiValueHeaders?: Record<string, string[]>;
  readonly body: string;
  readonly isBase64Encoded: false;
}

/** One parameter only: Lambda takes a function of three for one that calls back. */
export type LambdaHandler = (event: LambdaEvent) => Promise<LambdaResult>;

/**
 * Receives Novita's webhooks as an AWS Lambda function. Takes a receiver, or the options to make
 * one.
 *
 * Lambda stops the process after the answer. So unless `ack` was set or the inbox keeps events
 * elsewhere, the answer waits for the handlers, and is 2xx only if they succeeded.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * export const handler = toLambdaHandler({ secret, onTaskSucceeded });
 */
export function toLambdaHandler(receiver: Receiver): LambdaHandler;
// Two signatures, since the parameters of inline handlers are not inferred from a union.
export function toLambdaHandler<Tx = unknown>(options: ReceiverOptions<Tx>): LambdaHandler;
export function toLambdaHandler(target: Receiver | ReceiverOptions): LambdaHandler {
  const receiver = toReceiver(target);
  return async (event) => {
    const reply = await receiver.handle(
      {
        method: methodOf(event),
        url: `/?${queryOf(event)}`,
        headers: headersOf(event),
        body: bodyOf(event),
      },
      { ephemeral: true },
    );
    const headers = { ...reply.headers };
    const many = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value]]),
    );
    return {
      statusCode: reply.status,
      headers,
      ...(event.multiValueHeaders ? { multiValueHeaders: many } : {}),
      body: reply.body,
      isBase64Encoded: false,
    };
  };
}

function methodOf({ httpMethod, requestContext }: LambdaEvent): string {
  return httpMethod ?? requestContext?.http?.method ?? '';
}

/** Load balancers leave the values encoded, API Gateway v1 decodes them: a token survives both. */
function queryOf(event: LambdaEvent): string {
  if (event.rawQueryString !== undefined) return event.rawQueryString;
  const { multiValueQueryStringParameters: many, queryStringParameters: one } = event;
  const pairs = listed(many, one).flatMap(([name, values]) => values.map((it) => `${name}=${it}`));
  return pairs.join('&');
}

function headersOf(event: LambdaEvent): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (const [name, values] of listed(event.multiValueHeaders, event.headers)) {
    headers[name.toLowerCase()] = [...values];
  }
  return headers;
}

/** The values of each name, from whichever of the two forms is there. */
function listed(many: Many, one: One): [string, readonly string[]][] {
  const entries = Object.entries(many ?? {}).map(([name, values]) => [name, values ?? []] as const);
  if (entries.length > 0) return entries.map(([name, values]) => [name, values]);
  return Object.entries(one ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, [value]]],
  );
}

/** As a stream, like any other body that nobody has read or decoded yet. */
async function* bodyOf({
  body,
  isBase64Encoded,
}: LambdaEvent): AsyncGenerator<string | Uint8Array> {
  if (body === null || body === undefined) return;
  yield isBase64Encoded === true ? (fromBase64(body) ?? '') : body;
}
