import * as z from 'zod';

import { parseArgument, strictOptions } from '../../shared/check-options.ts';
import { systemClock } from '../../shared/clock.ts';
import { WebhookError } from '../../shared/errors.ts';
import type { ResolvedEntryFilter } from '../entry-filter.ts';
import { checkEntryFilter } from '../entry-query.ts';
import type {
  BulkOptions,
  DiscardManyResult,
  Entry,
  EntryFilter,
  ReplayHandlers,
  ReplayManyResult,
  EntryTable,
} from '../ports.ts';
import { bindCursor, readCursor } from './bound-cursor.ts';
import { replayHandlersShape, withStoredNames } from './replay-options.ts';

/** Limits how long one batch delays other work. */
const BATCH = 50;

/** Time and place: entries that finished later do not match, entries before the place were visited. */
const PLACE = /^(\d{1,16})-(\d{1,15})?$/;

const limitFault = 'must be an integer from 1';
const isFunction = (value: unknown) => typeof value === 'function';
const bulkShape = {
  limit: z.int(limitFault).positive(limitFault).optional(),
  cursor: z.string('must be a text').optional(),
  onProgress: z.custom<() => void>(isFunction, 'must be a function').optional(),
  signal: z
    .custom<AbortSignal>((value) => value instanceof AbortSignal, 'must be an AbortSignal')
    .optional(),
};
const discardSchema = strictOptions(bulkShape);
const replaySchema = strictOptions({ ...bulkShape, ...replayHandlersShape });

/** See `EntryAdmin.replayMany`. */
export async function replayMany(
  store: EntryTable,
  filter: EntryFilter,
  input: (BulkOptions<ReplayManyResult> & ReplayHandlers) | undefined,
  onDue: () => void,
): Promise<ReplayManyResult> {
  const call = check('replayMany', filter, replaySchema, input);
  const { onProgress, handlers } = call.options;
  const toResult = ({ matched, acted, skipped, cursor }: Progress) => ({
    ...{ matched, replayed: acted, skipped, cursor },
  });
  const progress = await actOnMany(store, call, {
    act: (entries) =>
      store.replayEntries(entries, handlers && { handlers: withStoredNames(handlers, entries) }),
    async onProgress(state) {
      onDue();
      await onProgress?.(toResult(state));
    },
  });
  return toResult(progress);
}

/** See `EntryAdmin.discardMany`. */
export async function discardMany(
  store: EntryTable,
  filter: EntryFilter,
  input?: BulkOptions<DiscardManyResult>,
): Promise<DiscardManyResult> {
  const call = check('discardMany', filter, discardSchema, input);
  const { onProgress } = call.options;
  const toResult = ({ matched, acted, skipped, cursor }: Progress) => ({
    ...{ matched, discarded: acted, skipped, cursor },
  });
  const progress = await actOnMany(store, call, {
    act: (entries) => store.discardEntries(entries),
    onProgress: (state) => onProgress?.(toResult(state)),
  });
  return toResult(progress);
}

/** A bulk action as it was called. The caller cannot change it while it runs. */
interface Call<Options> {
  readonly operation: string;
  readonly filter: ResolvedEntryFilter;
  readonly options: Options;
}

/** @throws WebhookError `invalid_argument` */
function check<Options extends object>(
  operation: string,
  input: EntryFilter,
  schema: z.ZodType,
  options: Options = {} as Options,
): Call<Options> {
  const filter = checkEntryFilter(operation, input);
  rejectOpenFilter(operation, filter);
  const checked = parseArgument(`inbox.${operation}`, schema, options) as Options;
  return { operation, filter, options: checked };
}

/** A filter whose value is missing would act on everything. */
function rejectOpenFilter(operation: string, filter: object): void {
  const missing = Object.entries(filter).filter(([, value]) => value === undefined);
  const message =
    missing.length > 0
      ? `filter ${missing.map(([name]) => name).join(', ')} is undefined. Pass a value, or leave it out.`
      : "pass at least one filter, such as { endpoint: 'novita' } for all entries of an endpoint.";
  if (missing.length === 0 && Object.keys(filter).length > 0) return;
  throw new WebhookError('invalid_argument', `inbox.${operation}: ${message}`);
}

interface Progress {
  readonly matched: number;
  readonly acted: number;
  readonly skipped: number;
  readonly cursor: string | null;
}

interface Action {
  /** Acts on those entries that have not changed since they were listed. Returns how many. */
  readonly act: (entries: readonly Entry[]) => Promise<number>;
  readonly onProgress: (progress: Progress) => void | Promise<void>;
}

async function actOnMany(
  store: EntryTable,
  { operation, filter, options }: Call<Omit<BulkOptions<never>, 'onProgress'>>,
  { act, onProgress }: Action,
): Promise<Progress> {
  const { limit = Infinity, cursor = null, signal } = options;
  const bound = { [operation]: filter };
  const from = cursor === null ? '' : readCursor(operation, cursor, bound);
  const [, time, place] = PLACE.exec(from) ?? [];
  let asOf = time === undefined ? undefined : Number(time);
  let next = place;
  let progress: Progress = { matched: 0, acted: 0, skipped: 0, cursor };
  do {
    const size = Math.min(BATCH, limit - progress.matched);
    const page = await store.list({ ...filter, limit: size, cursor: next, bodies: false });
    if (asOf === undefined) {
      asOf = Math.ceil(page.readAt); // stores round times up
      progress = { ...progress, cursor: bindCursor(`${asOf}-`, bound) };
      await onProgress(progress);
    }
    const entries = page.entries.filter(isOfTime(asOf));
    const acted = entries.length === 0 ? 0 : await act(entries);
    next = page.cursor ?? undefined;
    progress = {
      matched: progress.matched + entries.length,
      acted: progress.acted + acted,
      skipped: progress.skipped + entries.length - acted,
      cursor: next === undefined ? null : bindCursor(`${asOf}-${next}`, bound),
    };
    await onProgress(progress);
    await new Promise<void>((resolve) => systemClock.after(0, resolve)); // other work passes
  } while (next !== undefined && progress.matched < limit && signal?.aborted !== true);
  return progress;
}

/** What finished or arrived after the first call began is not of the set that was meant. */
function isOfTime(asOf: number): (entry: Entry) => boolean {
  return ({ finishedAt, receivedAt }) => (finishedAt ?? receivedAt) <= asOf;
}
