import type { JsonObject } from './json.ts';

/** A refusal in Novita's form: `{ code, reason, message, metadata }`. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: JsonObject;

  constructor(status: number, reason: string, message: string, metadata: object | null = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.body = { code: status, reason, message, ...(metadata && { metadata }) };
  }
}

/** Novita documents no reason for what is wrong with a request; the message tells. */
export const invalidRequest = (message: string): ApiError =>
  new ApiError(400, 'INVALID_REQUEST', message);
