import type { RequestReport } from '@novita-webhooks/simulator';
import type { Colour } from '@novita-webhooks/simulator/cli';

import { printable, toTimeText } from '../terminal/printable.ts';

/** A message of the simulator or of the view. */
export interface LogEntry {
  readonly text: string;
  readonly colour: Colour | undefined;
}

/** The last messages. */
export interface Log {
  readonly entries: readonly LogEntry[];
  readonly add: (text: string, colour?: Colour) => void;
}

const MAX_ENTRIES = 20;
const MAX_CHARACTERS = 1000;

/** Creates an empty log. It keeps the last messages, without control characters. */
export const createLog = (onChange: () => void): Log => {
  const entries: LogEntry[] = [];
  return {
    entries,
    add: (text, colour) => {
      const shown = printable(text.slice(0, MAX_CHARACTERS));
      entries.push({ text: `${toTimeText(Date.now()).slice(11)} ${shown}`, colour });
      if (entries.length > MAX_ENTRIES) entries.shift();
      onChange();
    },
  };
};

/** `POST /v3/async/txt2img: 400 INVALID_REQUEST_BODY: …` */
export const describeRejection = (request: RequestReport): string => {
  const { method, path, status, reason, message } = request;
  return `${method} ${path}: ${status} ${reason}: ${message}`;
};
