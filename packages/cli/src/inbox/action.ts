import type { BulkOptions, Entry, EntryFilter, EntryKey, Inbox } from '@novita-webhooks/core';

/** What of a bulk action is reported. */
export interface ActionProgress {
  readonly matched: number;
  readonly acted: number;
  readonly skipped: number;
  readonly cursor: string | null;
}

/** Replay or discard. */
export interface Action {
  readonly name: 'replay' | 'discard';
  /** `replayed`, also the name of the count in JSON. */
  readonly past: 'replayed' | 'discarded';
  /** Why `one` does nothing with an entry; `undefined` if it does something. */
  readonly refusal: (entry: Entry | undefined) => string | undefined;
  /** What a user may not expect of `one`, as the end of a line. */
  readonly remark: (entry: Entry) => string;
  readonly one: (inbox: Inbox, key: EntryKey) => Promise<boolean>;
  readonly many: (
    inbox: Inbox,
    filter: EntryFilter,
    options: BulkOptions<ActionProgress>,
  ) => Promise<ActionProgress>;
}

const MISSING = 'there is no such entry. Compare the id, or pass --endpoint';

const refuseReplay: Action['refusal'] = (entry) => {
  if (entry === undefined) return MISSING;
  const { state, replays } = entry;
  const already = replays > 0 ? 'already replayed, ' : '';
  if (state === 'pending') return `is pending: ${already}waits for a worker`;
  if (state === 'running') return `is running: ${already}a worker attempts it`;
  return state === 'expected' ? 'is expected: its event has not arrived' : undefined;
};

const refuseDiscard: Action['refusal'] = (entry) => {
  if (entry === undefined) return MISSING;
  return entry.state === 'running' ? 'is running: wait until its attempt ends' : undefined;
};

/** Replays, some handlers only if they are named. */
export const createReplayAction = (handlers?: readonly string[], body?: string): Action => ({
  name: 'replay',
  past: 'replayed',
  refusal: refuseReplay,
  remark: ({ state }) =>
    state === 'done' && handlers === undefined
      ? ': it was done, so all its handlers run again'
      : '',
  one: (inbox, key) => inbox.replay(key, { handlers, body }),
  many: async (inbox, filter, { onProgress, ...options }) => {
    const result = await inbox.replayMany(filter, {
      ...options,
      handlers,
      onProgress: (state) => onProgress?.({ ...state, acted: state.replayed }),
    });
    return { ...result, acted: result.replayed };
  },
});

/** Deletes entries that are not running. */
export const discardAction: Action = {
  name: 'discard',
  past: 'discarded',
  refusal: refuseDiscard,
  remark: () => '',
  one: (inbox, key) => inbox.discard(key),
  many: async (inbox, filter, { onProgress, ...options }) => {
    const result = await inbox.discardMany(filter, {
      ...options,
      onProgress: (state) => onProgress?.({ ...state, acted: state.discarded }),
    });
    return { ...result, acted: result.discarded };
  },
};
