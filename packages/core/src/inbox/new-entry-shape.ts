import * as z from 'zod';

import { isTaskId } from '../events/envelope.ts';
import { isObject, type JsonObject } from '../shared/json.ts';
import type { NewEntry } from './ports.ts';

/** What a `Date` can hold, in milliseconds since 1970. */
export const time: z.ZodNumber = z.number().min(0).max(8.64e15);

type NewEntryShape = {
  readonly [Field in Exclude<keyof NewEntry, 'mac'>]: z.ZodType<NewEntry[Field]>;
};

/** The fields of an entry that comes from outside: from a queue, or from another inbox. */
export const newEntryShape: NewEntryShape = {
  endpoint: z.string().min(1).max(64),
  taskId: z.string().refine(isTaskId, 'must be a task id'),
  status: z.string().regex(/^[\w.-]{0,64}$/),
  taskType: z.string().regex(/^[\w.-]{0,64}$/),
  body: z.string(),
  schemaError: z.string().nullable(),
  metadata: z.custom<JsonObject>(isObject, 'must be an object'),
  testMode: z.boolean(),
  receivedAt: time,
  source: z.enum(['delivery', 'sweep', 'expectation']),
  traceparent: z.string().nullable(),
  tokenId: z.string().nullable(),
};
