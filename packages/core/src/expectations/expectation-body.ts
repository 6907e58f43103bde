// What an expectation keeps where an event keeps its payload.
import * as z from 'zod';

import { NO_RESULT_YET } from '../inbox/expectation.ts';
import type { NewEntry } from '../inbox/ports.ts';
import { validate } from '../shared/check-options.ts';
import type { JsonObject } from '../shared/json.ts';
import { readOr } from '../shared/read-or.ts';

/** What a task makes, which decides how soon and how often its result is asked for. */
export type MediaKind = 'image' | 'video' | 'audio';

/** How long a result is awaited. */
export interface Expectation {
  /** Milliseconds since 1970. */
  readonly until: number;
  readonly media: MediaKind;
}

const schema = z.object({ until: z.number(), media: z.enum(['image', 'video', 'audio']) });

/** @returns `null` if the text is no body of an expectation */
export function readExpectation(body: string): Expectation | null {
  const checked = validate(
    schema,
    readOr(() => JSON.parse(body) as unknown, null),
  );
  return 'value' in checked ? checked.value : null;
}

/** What an expectation is made of. */
export interface ExpectationInput extends Expectation {
  readonly endpoint: string;
  readonly taskId: string;
  readonly metadata: JsonObject;
  readonly testMode: boolean;
  readonly tokenId: string | null;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The entry that stands for a task without a result. */
export function toExpectationEntry(input: ExpectationInput): NewEntry {
  const { endpoint, taskId, metadata, testMode, tokenId, until, media, now } = input;
  return {
    ...{ endpoint, taskId, metadata, testMode, tokenId },
    status: '',
    taskType: '',
    body: JSON.stringify({ until, media }),
    schemaError: NO_RESULT_YET,
    receivedAt: now,
    source: 'expectation',
    traceparent: null,
  };
}
