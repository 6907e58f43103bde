import { once } from 'node:events';

import type { Command } from 'commander';

import { resolveOptions } from '../resolve-options.ts';
import type { SimulatorOptions } from '../options.ts';
import { createSimulator, type Simulator } from '../simulator.ts';
import { CommandError, messageOf } from './errors.ts';
import { describeReport } from './describe-report.ts';
import { describePort } from './describe-port.ts';
import { createJsonView, createTextView, type ActivityView } from './print-activity.ts';
import { addStartOptions, createStartSettings, DEFAULT_PORT } from './start-options.ts';
import type { StartOptions } from './start-options.ts';
import type { Terminal } from './terminal.ts';

/** Shows what a simulator does on a terminal, instead of lines. */
export interface SimulatorView {
  /** Whether a person at a terminal can see and use it. */
  readonly isPossible: boolean;
  /** Resolves when the user leaves it, or when `ended` resolves. */
  readonly show: (simulator: Simulator, ended: Promise<unknown>) => Promise<void>;
}

/** How users call the command, and how it shows what happens. */
export interface StartSetup {
  /** Such as `npx @novita-webhooks/simulator start`. Its last word is the name of the command. */
  readonly start: string;
  /** Adds `--plain`, for lines where the view is possible. Default: always lines. */
  readonly view?: SimulatorView;
}

const createExamples = ({ start }: StartSetup): string => `
Examples:
  $ ${start}
  $ ${start} --port 4020 --task-ms 3000 --retry-delay-ms 500
  $ ${start} --faults drop=0.1,duplicate=0.2,reset=0.3 --seed 7
  $ ${start} --scenario scenario.json --json
  $ curl http://127.0.0.1:${DEFAULT_PORT}/v3/async/wan-t2v -H 'content-type: application/json' -d '{
      "model_name": "wan", "prompt": "a red kite", "width": 832, "height": 480, "frames": 81, "seed": -1,
      "extra": { "webhook": { "url": "http://localhost:3000/webhooks/novita?token=…" } } }'`;

const openSimulator = async (settings: SimulatorOptions, port: number): Promise<Simulator> => {
  try {
    return await createSimulator(settings);
  } catch (error) {
    const isInUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const message = isInUse ? await describePort(port) : messageOf(error);
    throw new CommandError('unavailable', message, { cause: error });
  }
};

const printHead = ({ print }: Terminal, url: string, apiKey: string | undefined): void => {
  print(`Novita simulator: listening on ${url}`);
  print(`  novita-sdk:    novita.setBaseUrl('${url}')`);
  print(`  other clients: use ${url} instead of https://api.novita.ai`);
  print(`  API key:       ${apiKey === undefined ? 'any, or none' : 'the one of --api-key'}`);
  print('Ctrl-C ends it.');
};

const openView = (
  simulator: Simulator,
  { json, apiKey }: StartOptions,
  settings: SimulatorOptions,
  terminal: Terminal,
): ActivityView => {
  if (json) {
    terminal.print(JSON.stringify({ type: 'listening', at: Date.now(), url: simulator.url }));
    return createJsonView(simulator, terminal);
  }
  printHead(terminal, simulator.url, apiKey);
  return createTextView(simulator, terminal, resolveOptions(settings).retryDelaysMs);
};

/** Resolves at Ctrl-C or SIGTERM. A second one ends the process at once. */
const waitForSignal = (): Promise<unknown> =>
  Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);

const showLines = async (
  simulator: Simulator,
  options: StartOptions,
  settings: SimulatorOptions,
  terminal: Terminal,
): Promise<void> => {
  const signal = waitForSignal();
  const view = openView(simulator, options, settings, terminal);
  simulator.subscribe(view.show);
  await signal;
  await simulator.close();
  view.end();
};

const showOnScreen = async (
  simulator: Simulator,
  view: SimulatorView,
  { print }: Terminal,
): Promise<void> => {
  try {
    await view.show(simulator, waitForSignal());
  } finally {
    await simulator.close();
  }
  print(describeReport(simulator.report()));
};

const start = async (
  options: StartOptions,
  terminal: Terminal,
  view: SimulatorView | undefined,
): Promise<void> => {
  const settings = await createStartSettings(options);
  const simulator = await openSimulator(settings, options.port);
  if (view?.isPossible !== true || options.plain || options.json) {
    await showLines(simulator, options, settings, terminal);
  } else await showOnScreen(simulator, view, terminal);
};

const DESCRIPTION =
  'Runs a local Novita on 127.0.0.1. Accepts tasks, serves their results and delivers their ' +
  'events with retries and faults. Prints a line for each task and for each delivery, and a ' +
  'report at the end.';
const VIEW_DESCRIPTION = ' On a terminal it shows a live view instead of lines; ? lists its keys.';

/** Adds the command `start`, which runs a local Novita until Ctrl-C. */
export const addStartCommand = (program: Command, terminal: Terminal, setup: StartSetup): void => {
  const { start: name, view } = setup;
  const command = program
    .command(name.split(' ').at(-1) ?? '')
    .summary('run a local Novita')
    .description(view === undefined ? DESCRIPTION : DESCRIPTION + VIEW_DESCRIPTION);
  addStartOptions(command);
  if (view !== undefined) command.option('--plain', 'lines on a terminal, too');
  command
    .addHelpText('after', createExamples(setup))
    .action((options: StartOptions) => start(options, terminal, view));
};
