import type { BulkOptions, EntryFilter, EntryKey, Inbox } from '@novita-webhooks/core';

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
  /** Why `one` does nothing with an entry. */
  readonly refusal: string;
  readonly one: (inbox: Inbox, key: EntryKey) => Promise<boolean>;
  readonly many: (
    inbox: Inbox,
    filter: EntryFilter,
    options: BulkOptions<ActionProgress>,
  ) => Promise<ActionProgress>;
}

/** Replays, some handlers only if they are named. */
export const createReplayAction = (handlers?: readonly string[], body?: string): Action => ({
  name: 'replay',
  past: 'replayed',
  refusal: 'is no done or dead entry',
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
  refusal: 'is running, or there is no such entry',
  one: (inbox, key) => inbox.discard(key),
  many: async (inbox, filter, { onProgress, ...options }) => {
    const result = await inbox.discardMany(filter, {
      ...options,
      onProgress: (state) => onProgress?.({ ...state, acted: state.discarded }),
    });
    return { ...result, acted: result.discarded };
  },
};
