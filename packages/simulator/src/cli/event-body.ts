// The body of the event that `trigger` delivers: of a file, of an inbox, or generated; then changed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { isObject, type JsonObject } from '../json.ts';
import { changeEvent, type EventChange } from './edit-event.ts';
import { CommandError, messageOf } from './errors.ts';
import { readText } from './read-text.ts';

/** An entry of an inbox, as far as a delivery repeats it. */
export interface SourceEntry {
  /** The payload. */
  readonly body: string;
  readonly metadata: JsonObject;
  readonly testMode: boolean;
}

/** Reads an entry by its task id: the part after `entry:`. */
export type ReadEntry = (taskId: string) => Promise<SourceEntry>;

/** An event to deliver, and what of it travels in the token. */
export interface SourceEvent extends Omit<SourceEntry, 'body'> {
  /** The envelope. */
  readonly text: string;
}

const parseObject = (text: string): JsonObject | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

/** @throws CommandError `input` */
const requireJson = (text: string, from: string): void => {
  try {
    JSON.parse(text);
  } catch (cause) {
    const message = `--from ${from} is not JSON: ${messageOf(cause)}.`;
    throw new CommandError('input', message, { cause });
  }
};

/** The text of a file or of stdin, or an entry. */
const readSource = async (
  from: string,
  readEntry: ReadEntry | undefined,
): Promise<string | SourceEntry> => {
  const [, taskId] = /^entry:(.*)$/s.exec(from) ?? [];
  if (taskId === undefined) return readText(from, `--from ${from}`);
  if (readEntry !== undefined) return readEntry(taskId);
  const message =
    'this command has no inbox. Use `novita-webhooks trigger --from entry:<task id>`.';
  throw new CommandError('usage', message);
};

const wrap = (payload: string): string => `{"event_type":"ASYNC_TASK_RESULT","payload":${payload}}`;

/** An entry of an export; `undefined` for other objects. */
const toEntry = ({ body, taskId, metadata, testMode }: JsonObject): SourceEntry | undefined =>
  typeof body === 'string' && taskId !== undefined
    ? { body, metadata: isObject(metadata) ? metadata : {}, testMode: testMode === true }
    : undefined;

const fromEntry = ({ body, ...others }: SourceEntry): SourceEvent => ({
  text: wrap(body),
  ...others,
});

/**
 * Reads an event: an envelope, a payload, or an entry of an inbox or an export. Its numbers stay as they
 * are written.
 *
 * @throws CommandError `unavailable`, `input`
 */
export const readEvent = async (from: string, readEntry?: ReadEntry): Promise<SourceEvent> => {
  const source = await readSource(from, readEntry);
  if (typeof source === 'object') return fromEntry(source);
  requireJson(source, from);
  const event = parseObject(source) ?? {};
  const none = { metadata: {}, testMode: false };
  if ('event_type' in event) return { text: source, ...none };
  if (isObject(event['task'])) return { text: wrap(source), ...none };
  const entry = toEntry(event);
  if (entry !== undefined) return fromEntry(entry);
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

const taskFieldOf = (text: string, name: string): string | undefined => {
  const payload = parseObject(text)?.['payload'];
  const task = isObject(payload) ? payload['task'] : undefined;
  const value = isObject(task) ? task[name] : undefined;
  return typeof value === 'string' ? value : undefined;
};

/** The id of the task of an event; `undefined` if it has none. */
export const taskIdOf = (text: string): string | undefined => taskFieldOf(text, 'task_id');

/** The status of the task of an event; `undefined` if it has none. */
export const statusOf = (text: string): string | undefined => taskFieldOf(text, 'status');
