import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

import type { PointName } from './kill-points.ts';

/**
 * What happened, a line each. The file is only ever appended to, by the victims and by the process
 * that kills them, so that no victim can take back what it wrote. Times are microseconds on the
 * clock that all processes of a machine share.
 */
export type Line =
  | {
      readonly type: 'begin';
      readonly run: string;
      readonly victim: string;
      readonly handler: HandlerName;
      readonly taskId: string;
      readonly attempt: number;
      readonly at: number;
    }
  | { readonly type: 'end'; readonly run: string; readonly how: RunEnd; readonly at: number }
  /** The process is no more from here on, or, when `frozen`, does nothing until `thawed`. */
  | {
      readonly type: 'killed' | 'frozen';
      readonly victim: string;
      readonly point: PointName;
      readonly at: number;
    }
  | { readonly type: 'thawed'; readonly victim: string; readonly at: number }
  /** The event loop stood still, for whatever reason. */
  | {
      readonly type: 'stalled';
      readonly victim: string;
      readonly from: number;
      readonly at: number;
    };

/** `ledger` writes within the inbox's own transaction. */
export type HandlerName = 'work' | 'ledger';
export type RunEnd = 'succeeded' | 'failed' | 'aborted';

export type Write = (line: Line) => void;

/** Opens the file for appending: each line goes out in one write, before this returns. */
export function openJournal(file: string): { readonly write: Write; close(): void } {
  const descriptor = openSync(file, 'a');
  return {
    write: (line) => void writeSync(descriptor, `${JSON.stringify(line)}\n`),
    close: () => closeSync(descriptor),
  };
}

/** Reads a journal: each call returns all lines so far, and reads only what has come since. */
export function followJournal(file: string): () => readonly Line[] {
  const lines: Line[] = [];
  let offset = 0;
  return () => {
    const bytes = readFrom(file, offset);
    const whole = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
    offset += whole.length;
    for (const line of whole.toString().split('\n')) {
      if (line !== '') lines.push(JSON.parse(line) as Line);
    }
    return lines;
  };
}

function readFrom(file: string, offset: number): Buffer {
  const descriptor = openSync(file, 'r');
  const bytes = Buffer.alloc(fstatSync(descriptor).size - offset);
  const read = readSync(descriptor, bytes, 0, bytes.length, offset);
  closeSync(descriptor);
  return bytes.subarray(0, read);
}

/** Monotonic, and the same for all processes: no clock that is set meanwhile can feign an overlap. */
export function now(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
