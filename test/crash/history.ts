import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

import type { KillPointName } from './kill-points.ts';

/**
 * One line of the history of a series. The server processes and the test process append to one
 * file, so no server process can take back a record. `at` and `from` are in microseconds, on the
 * monotonic clock that all processes of a machine share.
 */
export type HistoryRecord =
  | {
      readonly type: 'begin';
      readonly run: string;
      readonly server: string;
      readonly handler: HandlerName;
      readonly taskId: string;
      readonly attempt: number;
      readonly at: number;
    }
  | { readonly type: 'end'; readonly run: string; readonly result: RunResult; readonly at: number }
  /** `killed`: the process ends here. `frozen`: it stands still until `thawed`. */
  | {
      readonly type: 'killed' | 'frozen';
      readonly server: string;
      readonly point: KillPointName;
      readonly at: number;
    }
  | { readonly type: 'thawed'; readonly server: string; readonly at: number }
  /** The event loop of the process stood still from `from` to `at`. */
  | {
      readonly type: 'stalled';
      readonly server: string;
      readonly from: number;
      readonly at: number;
    };

/** `ledger` writes in the inbox's own transaction; `work` does not. */
export type HandlerName = 'work' | 'ledger';
export type RunResult = 'succeeded' | 'failed' | 'aborted';

export type WriteRecord = (record: HistoryRecord) => void;

/** Opens the file for appending. Each `write` is one system call and returns after it. */
export function openHistory(file: string): { readonly write: WriteRecord; close(): void } {
  const descriptor = openSync(file, 'a');
  return {
    write: (record) => void writeSync(descriptor, `${JSON.stringify(record)}\n`),
    close: () => closeSync(descriptor),
  };
}

/** Returns a function that returns all records so far. Each call reads only the new bytes. */
export function followHistory(file: string): () => readonly HistoryRecord[] {
  const records: HistoryRecord[] = [];
  let offset = 0;
  return () => {
    const bytes = readFrom(file, offset);
    const complete = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
    offset += complete.length;
    for (const line of complete.toString().split('\n')) {
      if (line !== '') records.push(JSON.parse(line) as HistoryRecord);
    }
    return records;
  };
}

function readFrom(file: string, offset: number): Buffer {
  const descriptor = openSync(file, 'r');
  const bytes = Buffer.alloc(fstatSync(descriptor).size - offset);
  const read = readSync(descriptor, bytes, 0, bytes.length, offset);
  closeSync(descriptor);
  return bytes.subarray(0, read);
}

/** Monotonic and shared by all processes: a clock that is set cannot cause a false overlap. */
export function now(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
