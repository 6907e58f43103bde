import { errorGroupOf } from './error-group.ts';
import { shownState } from './expectation.ts';
import type { Entry, EntryFilter } from './ports.ts';

type TimeName = 'receivedFrom' | 'receivedTo' | 'finishedFrom' | 'finishedTo';

/** An {@link EntryFilter} that was checked. Times are milliseconds since 1970. */
export type ResolvedEntryFilter = Omit<EntryFilter, TimeName> &
  Readonly<Partial<Record<TimeName, number | undefined>>>;

/** Whether a value is wanted: each filter that is absent lets everything pass. */
type Test = (entry: Entry) => boolean;

/** @returns a function that tells whether an entry matches every given filter */
export function createEntryFilter(filter: ResolvedEntryFilter): Test {
  const tests = [
    test(filter.endpoint, (wanted, { endpoint }) => endpoint === wanted),
    test(filter.states, (wanted, entry) => wanted.includes(shownState(entry))),
    test(filter.taskType, (wanted, { taskType }) => taskType === wanted),
    test(filter.status, (wanted, { status }) => status === wanted),
    test(filter.reasonContains, (part, { reason }) => reason?.includes(part) ?? false),
    test(filter.errorGroup, (group, { reason }) => errorGroupOf(reason) === group),
    test(filter.metadata, (wanted, { metadata }) =>
      Object.entries(wanted).every(([key, value]) => own(metadata, key) === value),
    ),
    test(filter.receivedFrom, (from, { receivedAt }) => receivedAt >= from),
    test(filter.receivedTo, (to, { receivedAt }) => receivedAt < to),
    test(filter.finishedFrom, (from, { finishedAt }) => finishedAt !== null && finishedAt >= from),
    test(filter.finishedTo, (to, { finishedAt }) => finishedAt !== null && finishedAt < to),
    test(filter.schemaErrors, (wanted, { schemaError }) => (schemaError !== null) === wanted),
    test(filter.testEvents, (wanted, { testMode }) => testMode === wanted),
    test(filter.taskIdContains, (part, { taskId }) => taskId.includes(part)),
  ].filter((one) => one !== undefined);
  return (entry) => tests.every((matches) => matches(entry));
}

function test<T>(
  wanted: T | undefined,
  matches: (wanted: T, entry: Entry) => boolean,
): Test | undefined {
  return wanted === undefined ? undefined : (entry) => matches(wanted, entry);
}

function own(metadata: Entry['metadata'], key: string): unknown {
  return Object.hasOwn(metadata, key) ? metadata[key] : undefined;
}
