import { once } from 'node:events';

import { redactUrl } from '@novita-webhooks/core';
import type { Command } from 'commander';

import type { RequestReport, SimulatorOptions } from '../options.ts';
import { createSimulator, type Simulator } from '../simulator.ts';
import type { SimulatedTask } from '../task.ts';
import { CommandError } from './errors.ts';
import type { RetryPlan } from './describe-delivery.ts';
import { parseInteger } from './parse-arguments.ts';
import { createDeliveryPrinter } from './print-delivery.ts';
import type { Terminal } from './terminal.ts';

/** Port of `start`, and of the result files of `trigger`. */
export const DEFAULT_PORT = 4010;

const MAX_DELAY_MS = 24 * 3_600_000;

interface StartOptions {
  readonly port: number;
  readonly apiKey?: string;
  readonly taskMs: number;
  readonly maxRetries: number;
  readonly retryDelayMs?: number;
  readonly allowRemote?: boolean;
}

/** How users call the command. */
export interface StartTexts {
  /** Such as `npx @novita-webhooks/simulator start`. Its last word is the name of the command. */
  readonly start: string;
}

const createExamples = ({ start }: StartTexts): string => `
Examples:
  $ ${start}
  $ ${start} --port 4020 --task-ms 3000 --retry-delay-ms 500
  $ curl http://127.0.0.1:${DEFAULT_PORT}/v3/async/wan-t2v -H 'content-type: application/json' -d '{
      "model_name": "wan", "prompt": "a red kite", "width": 832, "height": 480, "frames": 81, "seed": -1,
      "extra": { "webhook": { "url": "http://localhost:3000/webhooks/novita?token=…" } } }'`;

/** Novita documents no delays: 1, 2, 4, 8 and 16 seconds are the simulator's default. */
const toDelaysMs = ({ maxRetries, retryDelayMs }: StartOptions): number[] =>
  Array.from({ length: maxRetries }, (_, index) => retryDelayMs ?? 1000 * 2 ** index);

const describeTask = ({ taskType, callbackUrl, plan }: SimulatedTask): string => {
  const event =
    callbackUrl === undefined
      ? 'It has no callback URL, so no event is sent. Put one into extra.webhook.url.'
      : `Its event goes to ${redactUrl(callbackUrl)}.`;
  return `accepted ${taskType}, ${plan.taskMs} ms. ${event}`;
};

const describeRequest = ({ method, path, status, reason, message }: RequestReport): string =>
  `${method} ${path}: ${status} ${reason}: ${message}`;

const createHooks = (terminal: Terminal, retries: RetryPlan): SimulatorOptions => {
  const printDelivery = createDeliveryPrinter(terminal, retries);
  return {
    onTask: (task) => terminal.print(`${task.id}  ${describeTask(task)}`),
    onRequestRejected: (report) => terminal.print(terminal.colour('red', describeRequest(report))),
    onDelivery: (delivery) => printDelivery(delivery, `${delivery.taskId}  `),
  };
};

const openSimulator = async (options: StartOptions, terminal: Terminal): Promise<Simulator> => {
  const { port, apiKey, taskMs, allowRemote } = options;
  const delaysMs = toDelaysMs(options);
  try {
    return await createSimulator({
      port,
      apiKey,
      taskMs,
      allowRemote,
      retry: { maxRetries: delaysMs.length, delayMs: (retry) => delaysMs[retry - 1] ?? 0 },
      ...createHooks(terminal, { delaysMs, isPerformed: true }),
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') throw new CommandError('unavailable', message, { cause: error });
    const advice = 'Stop the process that listens there, or pass another one with --port.';
    throw new CommandError('unavailable', `port ${port} is in use. ${advice}`, { cause: error });
  }
};

const printHead = ({ print }: Terminal, url: string, apiKey: string | undefined): void => {
  print(`Novita simulator: listening on ${url}`);
  print(`  novita-sdk:    novita.setBaseUrl('${url}')`);
  print(`  other clients: use ${url} instead of https://api.novita.ai`);
  print(`  API key:       ${apiKey === undefined ? 'any, or none' : 'the one of --api-key'}`);
  print('Ctrl-C ends it.');
};

/** Resolves at Ctrl-C or SIGTERM. A second one ends the process at once. */
const waitForSignal = (): Promise<unknown> =>
  Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);

const start = async (options: StartOptions, terminal: Terminal): Promise<void> => {
  const signal = waitForSignal();
  const simulator = await openSimulator(options, terminal);
  printHead(terminal, simulator.url, options.apiKey);
  await signal;
  await simulator.close();
};

/** Adds the command `start`, which runs a local Novita until Ctrl-C. */
export const addStartCommand = (program: Command, terminal: Terminal, texts: StartTexts): void => {
  program
    .command(texts.start.split(' ').at(-1) ?? '')
    .summary('run a local Novita')
    .description(
      'Runs a local Novita on 127.0.0.1. Accepts tasks, serves their results and delivers their ' +
        'events with retries. Prints a line for each task and for each delivery.',
    )
    .option(
      '--port <port>',
      'port on 127.0.0.1; 0 for a free one',
      parseInteger(0, 65_535),
      DEFAULT_PORT,
    )
    .option('--api-key <key>', 'accept only this API key (default: any, or none)')
    .option('--task-ms <ms>', 'duration of a task', parseInteger(0, MAX_DELAY_MS), 0)
    .option('--max-retries <n>', 'retries of a failed delivery', parseInteger(0, 20), 5)
    .option(
      '--retry-delay-ms <ms>',
      'delay before each retry (default: 1, 2, 4, 8 and 16 seconds)',
      parseInteger(0, MAX_DELAY_MS),
    )
    .option('--allow-remote', 'deliver to callback URLs on other machines, too')
    .addHelpText('after', createExamples(texts))
    .action((options: StartOptions) => start(options, terminal));
};
