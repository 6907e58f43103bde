// The options of `start`, and the simulator that they describe.
import { Option, type Command } from 'commander';

import { RETIRED_ENDPOINTS_2026 } from '../endpoints.ts';
import { faultNames, mergeFaults, type Faults } from '../faults.ts';
import type { RetryOptions, SimulatorOptions } from '../options.ts';
import { toSimulatorOptions } from '../scenario.ts';
import { CommandError, messageOf } from './errors.ts';
import { parseEndpoints, parseFaults, parseInteger } from './parse-arguments.ts';
import { readText } from './read-text.ts';

/** Port of `start`, and of the result files of `trigger`. */
export const DEFAULT_PORT = 4010;

const MAX_DELAY_MS = 24 * 3_600_000;

/** Options of `start`, parsed. */
export interface StartOptions {
  readonly port: number;
  readonly apiKey?: string;
  readonly scenario?: string;
  readonly faults?: Faults;
  readonly seed?: number;
  readonly taskMs?: number;
  readonly queueMs?: number;
  readonly retentionMs?: number;
  readonly maxRetries?: number;
  readonly retryDelayMs?: number;
  readonly rateLimit?: number;
  readonly webhooks: boolean;
  readonly withoutWebhooks?: readonly string[];
  readonly retired?: readonly string[] | true;
  readonly allowRemote?: boolean;
  readonly json?: boolean;
  /** Only where `start` has a view. */
  readonly plain?: boolean;
}

const createOptions = (): Option[] => [
  new Option('--port <port>', 'port on 127.0.0.1; 0 for a free one')
    .argParser(parseInteger(0, 65_535))
    .default(DEFAULT_PORT),
  new Option('--api-key <key>', 'accept only this API key (default: any, or none)'),
  new Option('--scenario <file>', 'JSON file with settings; the other options override it'),
  new Option(
    '--faults <list>',
    `faults of deliveries, such as drop=0.2,duplicate=0.1; of ${faultNames.join(', ')}`,
  ).argParser(parseFaults),
  new Option('--seed <n>', 'seed of the faults (default: random, printed at the end)').argParser(
    parseInteger(0, Number.MAX_SAFE_INTEGER),
  ),
  new Option('--task-ms <ms>', 'duration of a task (default: 0)').argParser(
    parseInteger(0, MAX_DELAY_MS),
  ),
  new Option('--queue-ms <ms>', 'part of it in the queue (default: a quarter)').argParser(
    parseInteger(0, MAX_DELAY_MS),
  ),
  new Option('--retention-ms <ms>', 'answer 404 to the result of an older task').argParser(
    parseInteger(0, MAX_DELAY_MS),
  ),
  new Option('--max-retries <n>', 'retries of a failed delivery (default: 5)').argParser(
    parseInteger(0, 20),
  ),
  new Option(
    '--retry-delay-ms <ms>',
    'delay before each retry (default: 1, 2, 4, 8 and 16 seconds)',
  ).argParser(parseInteger(0, MAX_DELAY_MS)),
  new Option('--rate-limit <n>', 'answer 429 to more requests a second').argParser(
    parseInteger(1, 1_000_000),
  ),
  new Option('--no-webhooks', 'send no events: results have to be asked for'),
  new Option('--without-webhooks <endpoints>', 'endpoints that send no events, such as kling-*')
    .argParser(parseEndpoints)
    .conflicts('webhooks'),
  new Option(
    '--retired [endpoints]',
    'endpoints that answer an error (without a value: those of the notices of 2026)',
  ).argParser(parseEndpoints),
  new Option('--allow-remote', 'deliver to callback URLs on other machines, too'),
  new Option('--json', 'print a line of JSON for everything that happens, and a report at the end'),
];

/** Adds the options to a command. */
export const addStartOptions = (command: Command): void => {
  for (const option of createOptions()) command.addOption(option);
};

const readJson = async (file: string): Promise<unknown> => {
  const text = await readText(file, `--scenario ${file}`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandError('input', `--scenario ${file} is not JSON: ${messageOf(error)}.`);
  }
};

const readScenario = async (file: string): Promise<SimulatorOptions> => {
  const scenario = await readJson(file);
  try {
    return toSimulatorOptions(scenario);
  } catch (error) {
    throw new CommandError('input', `--scenario ${file}: ${messageOf(error)}`);
  }
};

const resolveRetry = (
  { maxRetries, retryDelayMs }: StartOptions,
  retry: RetryOptions = {},
): RetryOptions => ({
  maxRetries: maxRetries ?? retry.maxRetries,
  delayMs: retryDelayMs === undefined ? retry.delayMs : () => retryDelayMs,
});

const withoutUndefined = (options: SimulatorOptions): SimulatorOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

const listSilentEndpoints = ({ webhooks, withoutWebhooks }: StartOptions) =>
  webhooks ? withoutWebhooks : ['*'];

/**
 * Reads the scenario and turns the options into those of the simulator.
 *
 * @throws CommandError `unavailable` or `input` if the scenario cannot be used
 */
export const createStartSettings = async (options: StartOptions): Promise<SimulatorOptions> => {
  const { port, apiKey, taskMs, queueMs, retentionMs, seed, allowRemote, retired } = options;
  const { scenario, faults = {}, rateLimit } = options;
  const base = scenario === undefined ? {} : await readScenario(scenario);
  return {
    ...base,
    ...withoutUndefined({
      ...{ port, apiKey, taskMs, queueMs, retentionMs, seed, allowRemote },
      retry: resolveRetry(options, base.retry),
      faults: mergeFaults(base.faults ?? {}, faults),
      rateLimit: rateLimit === undefined ? undefined : { requests: rateLimit },
      retiredEndpoints: retired === true ? RETIRED_ENDPOINTS_2026 : retired,
      endpointsWithoutWebhooks: listSilentEndpoints(options),
    }),
  };
};
