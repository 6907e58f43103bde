import type { JsonObject } from './json.ts';

/** Error response in Novita's form: `{ code, reason, message, metadata }`. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly body: JsonObject;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    reason: string,
    message: string,
    metadata: object | null = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
    this.headers = headers;
    this.body = { code: status, reason, message, ...(metadata && { metadata }) };
  }
}

/** Creates a 400. `INVALID_REQUEST` is the simulator's own: Novita documents no such reason. */
export const invalidRequest = (message: string): ApiError =>
  new ApiError(400, 'INVALID_REQUEST', message);

/** Creates a 400 for the body of a submit call. The reason is one of novita-sdk's `APIErrReason`. */
export const invalidBody = (message: string): ApiError =>
  new ApiError(400, 'INVALID_REQUEST_BODY', message);

/** Turns an unexpected error into a 500. */
export const toApiError = (error: unknown): ApiError => {
  if (error instanceof ApiError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError(500, 'INTERNAL_ERROR', message);
};
