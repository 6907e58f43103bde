import { redactUrl } from '@novita-webhooks/core';
import type { Command } from 'commander';

import { isAcknowledged, type Delivery } from '../delivery.ts';
import type { Media } from '../novita-types.ts';
import type { Plan } from '../plan.ts';
import type { Task } from '../task.ts';
import { describeDelivery, type RetryPlan } from './describe-delivery.ts';
import { parseHttpUrl } from './parse-arguments.ts';
import { createDeliveryPrinter } from './print-delivery.ts';
import { signUrl } from './sign-url.ts';
import type { Terminal } from './terminal.ts';
import { triggerEvent } from './trigger-event.ts';
import { createTriggerOptions, type TriggerOptions } from './trigger-options.ts';

/** Exit code if an answer was no 2xx, or if there was none. */
const EXIT_REJECTED = 1;
/** Exit code if the command line is wrong. */
export const EXIT_USAGE = 2;

const MAX_RETRIES = 5;

const EXAMPLES = `
Examples:
  $ export NOVITA_WEBHOOK_SECRET=…           the secret of your receiver
  $ npx @novita-webhooks/simulator trigger http://localhost:3000/webhooks/novita
  $ npx @novita-webhooks/simulator trigger http://localhost:3000/webhooks/novita --images 2 --duplicate 3
  $ npx @novita-webhooks/simulator trigger http://localhost:3000/webhooks/novita --status failed --reason 'out of memory'
  $ npx @novita-webhooks/simulator trigger http://localhost:3000/webhooks/novita --metadata '{"orderId":42}' --json

Exit codes: 0 every copy was answered with a 2xx, 1 another answer or none, 2 a wrong command line.`;

const isSigned = (url: string): boolean => new URL(url).searchParams.has('token');

/** Options that only a token can carry, or that only matter for signing. */
const SIGNING_OPTIONS = { metadata: '--metadata', endpoint: '--endpoint', secret: '--secret' };

const listSigningFlags = (command: Command): string =>
  Object.entries(SIGNING_OPTIONS)
    .filter(([name]) => command.getOptionValueSource(name) === 'cli')
    .map(([, flag]) => flag)
    .join(', ');

const usageError = (command: Command, message: string): never =>
  command.error(`novita-simulator: ${message}`, { exitCode: EXIT_USAGE });

const UNSIGNED =
  'The URL has no token, so a receiver with a secret answers 401. ' +
  'Set NOVITA_WEBHOOK_SECRET or pass --secret <secret of the receiver>.';

/** Returns the URL with a token if it can: from the URL itself, or signed with the secret. */
const resolveUrl = async (
  url: string,
  options: TriggerOptions,
  command: Command,
  { printError, colour }: Terminal,
): Promise<string> => {
  const { secret, endpoint, metadata, testMode, status } = options;
  if (isSigned(url)) {
    const flags = listSigningFlags(command);
    if (flags === '') return url;
    return usageError(command, `the URL already has a token. Leave out ${flags} or the token.`);
  }
  if (secret !== undefined) {
    const signing = { secret, endpoint, metadata, testMode: testMode ? status : undefined };
    return signUrl(url, signing).catch((error: unknown) =>
      usageError(command, error instanceof Error ? error.message : String(error)),
    );
  }
  if (metadata !== undefined) {
    return usageError(
      command,
      `--metadata travels in the token, and no secret is known. ${UNSIGNED}`,
    );
  }
  printError(colour('yellow', UNSIGNED));
  return url;
};

const toPlan = (options: TriggerOptions): Plan => {
  const { images, videos, audios, status, reason, duplicate, concurrent } = options;
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

const printHead = ({ print }: Terminal, url: string, { status }: TriggerOptions): void => {
  print(`Delivering ${status} to ${redactUrl(url)}`);
};

const printTail = (
  { print, colour }: Terminal,
  task: Task,
  acknowledged: boolean,
  { simulator }: TriggerOptions,
): void => {
  print(`task id: ${task.id}`);
  const { count: outputs, status } = task.plan;
  if (!acknowledged || outputs === 0 || status === 'TASK_STATUS_FAILED') return;
  const text = `Its result links lead to ${simulator}: they work while \`npx @novita-webhooks/simulator start\` runs.`;
  print(colour('dim', text));
};

const trigger = async (
  givenUrl: string,
  options: TriggerOptions,
  command: Command,
  terminal: Terminal,
): Promise<number> => {
  const { reason, status, taskType, taskId, testMode, simulator, json } = options;
  if (reason !== undefined && status !== 'TASK_STATUS_FAILED') {
    return usageError(command, '--reason belongs to a failed task. Add --status failed.');
  }
  const url = await resolveUrl(givenUrl, options, command, terminal);
  const plan = toRetryPlan(options);
  const deliveries: Delivery[] = [];
  const printDelivery = createDeliveryPrinter(terminal, plan);
  if (!json) printHead(terminal, url, options);
  const task = await triggerEvent({
    url,
    taskId,
    taskType,
    testMode: testMode ? { enabled: true, return_task_status: status } : undefined,
    plan: toPlan(options),
    retryDelaysMs: plan.delaysMs,
    simulatorUrl: simulator.replace(/\/+$/, ''),
    onDelivery: (delivery) => {
      deliveries.push(delivery);
      if (!json) printDelivery(delivery);
    },
  });
  const acknowledged = isComplete(deliveries);
  if (json) terminal.print(toJson(task, url, deliveries, plan));
  else printTail(terminal, task, acknowledged, options);
  return acknowledged ? 0 : EXIT_REJECTED;
};

/** Adds the command `trigger`, which delivers one event to a running server. */
export const addTriggerCommand = (program: Command, terminal: Terminal): void => {
  const command = program
    .command('trigger')
    .summary('deliver one event to your server, as Novita would')
    .description(
      'Delivers one event to a running server, as Novita would. Prints what the server answered, ' +
        'and what Novita would do next. Signs a URL without a token with the secret of the receiver.',
    )
    .argument('<url>', 'callback URL, or `url` of the receiver', parseHttpUrl)
    .addHelpText('after', EXAMPLES)
    .action(async (url: string, options: TriggerOptions) => {
      terminal.setExitCode(await trigger(url, options, command, terminal));
    });
  for (const option of createTriggerOptions()) command.addOption(option);
};
