import type { ResolvedEntryFilter } from '@novita-webhooks/core';

import { toMilliseconds } from './row.ts';
import { toText } from './text.ts';

type Scalar = string | number | boolean | readonly string[];

/** The state that core shows: see its inbox/expectation.ts. */
const SHOWN_STATE = `CASE
    WHEN events.source = 'expectation' AND events.schema_error IS NOT NULL
      AND states.state IN ('pending', 'running')
    THEN 'expected' ELSE states.state END`;

/** Each filter as SQL, where `$` is its value. The endpoint is first: see list.ts. */
const CONDITIONS = {
  endpoint: 'events.endpoint = $',
  states: `${SHOWN_STATE} = ANY (string_to_array($, ','))`,
  taskType: 'events.task_type = $',
  status: 'events.status = $',
  reasonContains: 'strpos(states.reason, $) > 0',
  errorGroup: 'states.error_group = $',
  receivedFrom: `${toMilliseconds('events.received_at')} >= $::float8`,
  receivedTo: `${toMilliseconds('events.received_at')} < $::float8`,
  finishedFrom: `${toMilliseconds('states.finished_at')} >= $::float8`,
  finishedTo: `${toMilliseconds('states.finished_at')} < $::float8`,
  schemaErrors: '(events.schema_error IS NOT NULL) = $::boolean',
  testEvents: 'events.test_mode = $::boolean',
  taskIdContains: 'strpos(events.task_id, $) > 0',
} as const satisfies Record<Exclude<keyof ResolvedEntryFilter, 'metadata'>, string>;

/**
 * Whether the text of the metadata has a member, at any depth. Parsing it in SQL would fail for damaged
 * metadata, and for `\\u0000`. The spaces are those of `jsonb`, with which an operator may have
 * repaired a row.
 */
const HAS_MEMBER = `strpos(replace(events.metadata, '": ', '":'), replace($, '": ', '":')) > 0`;

/** A condition in SQL, where `$` is the value. */
type Condition = readonly [sql: string, value: string];

/** Conditions that every matching entry meets. `matches` of the query decides on the metadata. */
export function toConditions(filter: ResolvedEntryFilter): readonly Condition[] {
  const names = Object.keys(CONDITIONS) as (keyof typeof CONDITIONS)[];
  return [
    ...names.flatMap((name) => {
      const value = filter[name];
      return value === undefined ? [] : [[CONDITIONS[name], toValue(value)] as const];
    }),
    ...Object.entries(filter.metadata ?? {}).map(
      ([key, value]) => [HAS_MEMBER, `${JSON.stringify(key)}:${JSON.stringify(value)}`] as const,
    ),
  ];
}

const toValue = (value: Scalar): string => toText(String(value)); // an array: joined by commas
