import { redactUrl } from '@novita-webhooks/core';
import type { Command, Option } from 'commander';

import { isAcknowledged, type Delivery } from '../delivery.ts';
import type { Media } from '../novita-types.ts';
import type { Plan } from '../plan.ts';
import type { Task } from '../task.ts';
import { describeDelivery, type RetryPlan } from './describe-delivery.ts';
import { parseHttpUrl } from './parse-arguments.ts';
import { CommandError } from './errors.ts';
import {
  editEvent,
  readEvent,
  statusOf,
  type SourceEntry,
  type SourceEvent,
} from './event-body.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { createDeliveryPrinter } from './print-delivery.ts';
import { toProgress } from './progress-event.ts';
import { resolveUrl } from './resolve-url.ts';
import type { Terminal } from './terminal.ts';
import { triggerEvent } from './trigger-event.ts';
import { createTriggerOptions, toFinalStatus, type TriggerOptions } from './trigger-options.ts';

/** How users call the commands, and what a program adds to `trigger`. */
export interface TriggerSetup {
  /** Such as `npx @novita-webhooks/simulator trigger`. */
  readonly trigger: string;
  /** The command that serves the result files, such as `npx @novita-webhooks/simulator start`. */
  readonly start: string;
  /** Further options. */
  readonly options?: readonly Option[];
  /** Reads an entry, for `--from entry:<task id>`. Gets the further options, too. */
  readonly readEntry?: (
    taskId: string,
    options: Readonly<Record<string, unknown>>,
  ) => Promise<SourceEntry>;
}

const MAX_RETRIES = 5;

const createExamples = ({ trigger, readEntry }: TriggerSetup): string => `
Examples:
  $ export NOVITA_WEBHOOK_SECRET=…           the secret of your receiver
  $ ${trigger} http://localhost:3000/webhooks/novita
  $ ${trigger} http://localhost:3000/webhooks/novita --images 2 --duplicate 3
  $ ${trigger} http://localhost:3000/webhooks/novita --status failed --reason 'out of memory'
  $ ${trigger} http://localhost:3000/webhooks/novita --metadata '{"orderId":42}' --json
  $ ${trigger} http://localhost:3000/webhooks/novita --from event.json --remove payload.images${
    readEntry === undefined
      ? ''
      : `
  $ ${trigger} http://localhost:3000/webhooks/novita --from entry:<task id> --inbox sqlite:webhooks.db`
  }`;

const toPlan = (options: TriggerOptions): Plan => {
  const { images, videos, audios, reason, duplicate, concurrent } = options;
  const status = toFinalStatus(options);
  const media: Media = videos !== undefined ? 'videos' : audios !== undefined ? 'audios' : 'images';
  return {
    status,
    reason,
    media,
    count: images ?? videos ?? audios ?? 1,
    duplicates: duplicate,
    parallelCopies: concurrent,
  };
};

const toRetryPlan = ({ retry = false, retryDelayMs }: TriggerOptions): RetryPlan => ({
  isPerformed: retry,
  delaysMs: retry ? Array<number>(MAX_RETRIES).fill(retryDelayMs) : [],
});

/** Whether the last attempt of every copy was acknowledged. */
const isComplete = (deliveries: readonly Delivery[]): boolean => {
  const last = new Map(deliveries.map((delivery) => [delivery.copy, delivery]));
  return [...last.values()].every(isAcknowledged);
};

const toJson = (
  task: Task,
  url: string,
  deliveries: readonly Delivery[],
  plan: RetryPlan,
): string => {
  const reports = deliveries.map((delivery) => {
    const { kind, copy, attempt, durationMs } = delivery;
    return { kind, copy, attempt, durationMs, ...describeDelivery(delivery, plan) };
  });
  const acknowledged = isComplete(deliveries);
  return JSON.stringify({
    taskId: task.id,
    url: redactUrl(url),
    acknowledged,
    deliveries: reports,
  });
};

const printHead = (
  { print }: Terminal,
  url: string,
  { status, from }: TriggerOptions,
  body: string,
): void => {
  print(`Delivering ${from ?? statusOf(body) ?? status} to ${redactUrl(url)}`);
};

const printTail = (
  { print, colour }: Terminal,
  task: Task,
  acknowledged: boolean,
  { simulator, from, status }: TriggerOptions,
  setup: TriggerSetup,
): void => {
  print(`task id: ${task.id}`);
  const hasOutputs = status === 'TASK_STATUS_SUCCEED' && task.plan.count !== 0;
  if (!acknowledged || from !== undefined || !hasOutputs) return;
  const text = `Its result links lead to ${simulator}: they work while \`${setup.start}\` runs.`;
  print(colour('dim', text));
};

/** Reads the event of `--from`. */
const readSource = async (
  options: TriggerOptions,
  { readEntry }: TriggerSetup,
): Promise<SourceEvent | undefined> => {
  const { from } = options;
  if (from === undefined) return undefined;
  return readEvent(from, readEntry && ((id) => readEntry(id, { ...options })));
};

/** Options with what an entry had in its token, unless others are given. */
const inherit = (options: TriggerOptions, source: SourceEvent | undefined): TriggerOptions => {
  if (source === undefined) return options;
  const hasMetadata = Object.keys(source.metadata).length > 0;
  return {
    ...(hasMetadata && { metadata: source.metadata }),
    ...(source.testMode && { testMode: true }),
    ...options,
  };
};

/** Makes the body out of the generated event, or of the one that was read. */
const createBodySource = (
  options: TriggerOptions,
  source: string | undefined,
): ((generated: string) => string) => {
  const { taskId, set = [], remove = [], edit: byHand = false } = options;
  const ofId =
    taskId === undefined ? [] : [{ path: ['payload', 'task', 'task_id'], value: taskId }];
  const ofSource = source === undefined ? toProgress(options) : ofId;
  const changes = [...ofSource, ...set, ...remove];
  return (generated) => editEvent(source ?? generated, { changes, byHand });
};

const trigger = async (
  givenUrl: string,
  givenOptions: TriggerOptions,
  command: Command,
  terminal: Terminal,
  setup: TriggerSetup,
): Promise<number> => {
  const { reason, status, taskType, taskId, simulator, json } = givenOptions;
  if (reason !== undefined && status !== 'TASK_STATUS_FAILED') {
    throw new CommandError('usage', '--reason belongs to a failed task. Add --status failed.');
  }
  const source = await readSource(givenOptions, setup);
  const options = inherit(givenOptions, source);
  const { testMode } = options;
  const editBody = createBodySource(options, source?.text);
  const url = await resolveUrl(givenUrl, options, command, terminal);
  const plan = toRetryPlan(options);
  const deliveries: Delivery[] = [];
  const printDelivery = createDeliveryPrinter(terminal, plan);
  const task = await triggerEvent({
    url,
    taskId,
    taskType,
    testMode: testMode ? { enabled: true, return_task_status: toFinalStatus(options) } : undefined,
    plan: toPlan(options),
    retryDelaysMs: plan.delaysMs,
    toBody: (generated) => {
      const body = editBody(generated);
      if (!json) printHead(terminal, url, options, body);
      return body;
    },
    simulatorUrl: simulator.replace(/\/+$/, ''),
    onDelivery: (delivery) => {
      deliveries.push(delivery);
      if (!json) printDelivery(delivery);
    },
  });
  const acknowledged = isComplete(deliveries);
  if (json) terminal.print(toJson(task, url, deliveries, plan));
  else printTail(terminal, task, acknowledged, options, setup);
  return acknowledged ? EXIT_CODES.ok : EXIT_CODES.negative;
};

/** Adds the command `trigger`, which delivers one event to a running server. */
export const addTriggerCommand = (
  program: Command,
  terminal: Terminal,
  setup: TriggerSetup,
): void => {
  const command = program
    .command('trigger')
    .summary('deliver one event to your server, as Novita would')
    .description(
      'Delivers one event to a running server, as Novita would. Prints what the server answered, ' +
        'and what Novita would do next. Signs a URL without a token with the secret of the receiver.',
    )
    .argument('<url>', 'callback URL, or `url` of the receiver', parseHttpUrl)
    .addHelpText('after', createExamples(setup))
    .action(async (url: string, options: TriggerOptions) => {
      terminal.setExitCode(await trigger(url, options, command, terminal, setup));
    });
  for (const option of [...createTriggerOptions(), ...(setup.options ?? [])])
    command.addOption(option);
};
