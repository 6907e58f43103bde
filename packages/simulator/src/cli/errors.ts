import { isWebhookError } from '@novita-webhooks/core';

import type { ExitCategory } from './exit-codes.ts';

/** What a command reports instead of a result. The message says what to do next. */
export class CommandError extends Error {
  readonly category: ExitCategory;

  constructor(category: ExitCategory, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CommandError';
    this.category = category;
  }
}

/** An error as it is printed. */
export interface Failure {
  readonly category: ExitCategory;
  readonly message: string;
}

const ISSUES = 'https://github.com/novita-webhooks/novita-webhooks/issues';

/** The text of any thrown value. Errors of Node for several addresses have an empty message. */
export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  return error.message === '' && first !== undefined ? messageOf(first) : error.message;
};

/** Finds the category of an error and its text. `program`: the name for faults of the command itself. */
export const toFailure = (error: unknown, program: string): Failure => {
  if (error instanceof CommandError) return { category: error.category, message: error.message };
  if (isWebhookError(error, 'invalid_argument') || isWebhookError(error, 'invalid_option')) {
    return { category: 'usage', message: error.message };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const advice = `This is a fault of ${program}. Report it, with this text and the command line: ${ISSUES}`;
  return { category: 'internal', message: `${stack}\n${advice}` };
};
