import { line, type Line } from './line.ts';

const KEYS: readonly (readonly [string, string])[] = [
  ['↑ ↓, k j', 'select a task; scroll a page'],
  ['PgUp PgDn', 'a screen up or down'],
  ['Home End, g G', 'the newest task, which stays selected; the oldest one'],
  ['r', 'deliver the event of the task again, with retries'],
  ['o', 'open the first result in the browser'],
  ['d, Enter', 'details: request, deliveries, links, event'],
  ['b', 'break the next delivery: choose the fault'],
  ['?', 'this help'],
  ['q, Esc', 'back'],
  ['q in the list', 'leave: the simulator ends, and forgets its tasks'],
  ['Ctrl-C', 'leave'],
  ['Ctrl-Z', 'stop; `fg` in the shell goes on'],
  ['Ctrl-L', 'draw the screen again'],
];

const NOTES = [
  'STATUS is a percentage while a task is processed. TRY counts the POSTs of an event.',
  'NEXT is the time until the next try. A fault of a POST stands behind its answer.',
  'Events that were never acknowledged are kept until you leave: r delivers them.',
];

/** The page that `?` shows. */
export const helpLines: readonly Line[] = [
  line('Keys', 'bold'),
  ...KEYS.map(([keys, text]) => line(`  ${keys.padEnd(14)} ${text}`)),
  line(''),
  ...NOTES.map((text) => line(text)),
];
