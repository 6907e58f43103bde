import { Option } from 'commander';

import type { JsonObject } from '../json.ts';
import type { FinalStatus, TaskStatus } from '../novita-types.ts';
import type { EventChange } from './edit-event.ts';
import {
  parseHttpUrl,
  parseInteger,
  parseJsonObject,
  parseTaskStatus,
  parseRemove,
  parseSet,
} from './parse-arguments.ts';
import { DEFAULT_PORT } from './start-options.ts';

const MAX_COPIES = 100;

/** Options of the command `trigger`, parsed. */
export interface TriggerOptions {
  readonly status: TaskStatus;
  readonly taskType?: string;
  readonly taskId?: string;
  readonly images?: number;
  readonly videos?: number;
  readonly audios?: number;
  readonly reason?: string;
  readonly metadata?: JsonObject;
  readonly testMode?: boolean;
  readonly duplicate: number;
  readonly concurrent: number;
  readonly retry?: boolean;
  readonly retryDelayMs: number;
  readonly secret?: string;
  readonly endpoint: string;
  readonly simulator: string;
  readonly from?: string;
  readonly set?: readonly EventChange[];
  readonly remove?: readonly EventChange[];
  readonly edit?: boolean;
  readonly json?: boolean;
}

/** The event of a running task is made of that of one that succeeded. */
export const toFinalStatus = ({ status }: Pick<TriggerOptions, 'status'>): FinalStatus =>
  status === 'TASK_STATUS_FAILED' ? status : 'TASK_STATUS_SUCCEED';

const count = parseInteger(0, MAX_COPIES);

/** Creates the options of the command `trigger`. */
export const createTriggerOptions = (): Option[] => [
  new Option(
    '--status <status>',
    'succeed or failed; processing or queued for an event of a running task',
  )
    .argParser(parseTaskStatus)
    .default('TASK_STATUS_SUCCEED', 'succeed'),
  new Option('--reason <text>', 'why the task failed'),
  new Option('--images <n>', 'number of images (default: 1)')
    .argParser(count)
    .conflicts(['videos', 'audios']),
  new Option('--videos <n>', 'number of videos, instead of images')
    .argParser(count)
    .conflicts(['images', 'audios']),
  new Option('--audios <n>', 'number of audios, instead of images')
    .argParser(count)
    .conflicts(['images', 'videos']),
  new Option('--task-type <type>', 'such as WAN_TXT_TO_VIDEO (default: one that fits the outputs)'),
  new Option('--task-id <id>', 'id of the task (default: a new UUID, or else it is a duplicate)'),
  new Option(
    '--metadata <json>',
    'JSON object that the handler gets; travels in the token',
  ).argParser(parseJsonObject),
  new Option(
    '--from <source>',
    'event to deliver: a file of JSON, - for stdin, or entry:<task id> of an inbox',
  ).conflicts(['status', 'reason', 'images', 'videos', 'audios', 'taskType', 'testMode']),
  new Option(
    '--set <path=value>',
    'change the event, such as payload.task.status=TASK_STATUS_QUEUED; repeatable',
  ).argParser(parseSet),
  new Option('--remove <path>', 'remove a value of the event; repeatable').argParser(parseRemove),
  new Option('--edit', 'change the event in $VISUAL or $EDITOR'),
  new Option('--test-mode', "an event of Novita's test mode"),
  new Option('--duplicate <n>', 'further copies, one after another, after the first 2xx')
    .argParser(count)
    .default(0),
  new Option('--concurrent <n>', 'copies at the same time')
    .argParser(parseInteger(1, MAX_COPIES))
    .default(1),
  new Option('--retry', 'perform the 5 retries that Novita would perform'),
  new Option('--retry-delay-ms <ms>', 'delay before each retry')
    .argParser(parseInteger(0, 3_600_000))
    .default(1000),
  new Option(
    '--secret <secret>',
    'secret of the receiver; other users of this machine can see arguments, not the environment',
  ).env('NOVITA_WEBHOOK_SECRET'),
  new Option('--endpoint <name>', 'endpoint of the receiver').default('novita'),
  new Option('--simulator <url>', 'base URL of the result files, which a local Novita serves')
    .argParser(parseHttpUrl)
    .default(`http://127.0.0.1:${DEFAULT_PORT}`),
  new Option('--json', 'print the result as one JSON object'),
];
