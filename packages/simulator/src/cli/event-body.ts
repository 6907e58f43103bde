// The body of the event that `trigger` delivers: of a file, of an inbox, or generated; then changed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';

import { isObject, type JsonObject } from '../json.ts';
import { changeEvent, type EventChange } from './edit-event.ts';
import { CommandError, messageOf } from './errors.ts';

/** Reads the payload of an entry: the part after `entry:`. */
export type ReadEntry = (taskId: string) => Promise<string>;

const parseObject = (text: string): JsonObject | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

const readSource = async (from: string, readEntry: ReadEntry | undefined): Promise<string> => {
  const [, taskId] = /^entry:(.*)$/s.exec(from) ?? [];
  if (taskId === undefined) {
    return from === '-' ? readText(process.stdin) : readFile(from, 'utf8');
  }
  if (readEntry !== undefined) return readEntry(taskId);
  const message =
    'this command has no inbox. Use `novita-webhooks trigger --from entry:<task id>`.';
  throw new CommandError('usage', message);
};

/**
 * Reads an event: an envelope, a payload, or an entry of an export. Its numbers stay as they are
 * written.
 *
 * @throws CommandError `unavailable`, `input`
 */
export const readEvent = async (from: string, readEntry?: ReadEntry): Promise<string> => {
  const text = await readSource(from, readEntry).catch((cause: unknown) => {
    if (cause instanceof CommandError) throw cause;
    const message = `--from ${from} cannot be read: ${messageOf(cause)}`;
    throw new CommandError('unavailable', message, { cause });
  });
  const event = parseObject(text);
  const wrap = (payload: string): string =>
    `{"event_type":"ASYNC_TASK_RESULT","payload":${payload}}`;
  if (event !== undefined && 'event_type' in event) return text;
  if (isObject(event?.['task'])) return wrap(text);
  if (typeof event?.['body'] === 'string' && event['taskId'] !== undefined) {
    return wrap(event['body']);
  }
  const message = `--from ${from} holds no event. Pass JSON with event_type and payload, a payload with task, or one line of an export.`;
  throw new CommandError('input', message);
};

const openEditor = (file: string): void => {
  const { env } = process;
  const editor =
    env['VISUAL'] ?? env['EDITOR'] ?? (process.platform === 'win32' ? 'notepad' : 'vi');
  const { status, error } = spawnSync(`${editor} "${file}"`, { shell: true, stdio: 'inherit' });
  if (status === 0) return;
  const reason = error === undefined ? `ended with ${status}` : messageOf(error);
  throw new CommandError('negative', `the editor ${editor} ${reason}. Nothing was delivered.`);
};

/** @throws CommandError `usage` without a terminal, `input` if the result is no JSON object */
const editByHand = (text: string): string => {
  if (!process.stdin.isTTY) {
    throw new CommandError('usage', '--edit needs a terminal. Use --set and --remove instead.');
  }
  const folder = mkdtempSync(join(tmpdir(), 'novita-event-'));
  try {
    const file = join(folder, 'event.json');
    writeFileSync(file, `${JSON.stringify(JSON.parse(text), null, 2)}\n`);
    openEditor(file);
    const edited = readFileSync(file, 'utf8');
    if (parseObject(edited) !== undefined) return edited;
    throw new CommandError('input', 'the edited event is no JSON object. Nothing was delivered.');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** What becomes of an event before it is delivered. */
export interface EventEdits {
  readonly changes: readonly EventChange[];
  readonly byHand: boolean;
}

/** Changes the text of an event. Without changes it stays as it is. */
export const editEvent = (text: string, { changes, byHand }: EventEdits): string => {
  const event = parseObject(text) ?? {};
  const changed = changes.length === 0 ? text : JSON.stringify(changeEvent(event, changes));
  return byHand ? editByHand(changed) : changed;
};

/** The id of the task of an event; `undefined` if it has none. */
export const taskIdOf = (text: string): string | undefined => {
  const payload = parseObject(text)?.['payload'];
  const task = isObject(payload) ? payload['task'] : undefined;
  const id = isObject(task) ? task['task_id'] : undefined;
  return typeof id === 'string' ? id : undefined;
};
