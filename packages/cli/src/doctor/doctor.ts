import { randomBytes } from 'node:crypto';

import { createReceiver, memoryInbox, redactUrl, type Inbox } from '@novita-webhooks/core';
import { CommandError, EXIT_CODES } from '@novita-webhooks/simulator/cli';

import { parseAddress } from '../inbox/address.ts';
import { openInbox } from '../inbox/open-inbox.ts';
import { mountReceiver } from '../serve/frameworks.ts';
import { closeServer, createWebhookServer, listen } from '../serve/start-server.ts';
import type { Console } from '../terminal/console.ts';
import { redactCheck, type Check, type CheckLevel } from './check.ts';
import { toEndpoint, type Endpoint } from './endpoint.ts';
import { examine } from './examine.ts';
import { checkNovita } from './novita.ts';
import { printCheck, printSummary } from './print-check.ts';

/** Options of `doctor`, parsed. */
export interface DoctorOptions {
  readonly secret?: string;
  readonly endpoint: string;
  readonly event: boolean;
  readonly listen?: number;
  readonly inbox?: string;
  readonly novita?: boolean;
  readonly apiKey?: string;
  readonly baseUrl: string;
  readonly submit: string;
  readonly submitBody?: string;
  readonly waitS: number;
  readonly json?: boolean;
}

/** Where events can be seen, and how to end that. */
interface Observer {
  readonly inbox: Inbox | undefined;
  readonly close: () => Promise<void>;
}

/** A receiver of this process at the path of the URL, for an address that leads to this machine. */
const startReceiver = async (
  { url }: Endpoint,
  port: number,
  { secret, endpoint }: DoctorOptions,
): Promise<Observer> => {
  const inbox = memoryInbox();
  const receiver = createReceiver({ url: url.href, secret, endpoint, inbox, logger: false });
  receiver.onTaskFinished(() => undefined);
  const listener = await mountReceiver('node', url.pathname, receiver);
  const server = createWebhookServer(() => ({ receiver, listener }));
  const close = async (): Promise<void> => {
    if (server.listening) await closeServer(server);
    await receiver.close();
  };
  try {
    await listen(server, { host: '127.0.0.1', port });
  } catch (error) {
    await close();
    throw error;
  }
  receiver.start();
  return { inbox, close };
};

const startObserver = async (endpoint: Endpoint, options: DoctorOptions): Promise<Observer> => {
  const { inbox, listen: port, novita = false } = options;
  if (port !== undefined) return startReceiver(endpoint, port, options);
  if (inbox === undefined || !novita) return { inbox: undefined, close: async () => undefined };
  return openInbox(parseAddress(inbox), { create: false });
};

const requireKey = (apiKey: string | undefined): string => {
  if (apiKey !== undefined && apiKey !== '') return apiKey;
  throw new CommandError('usage', '--novita needs an API key. Set NOVITA_API_KEY.');
};

/** A temporary receiver may have any secret. */
const withSecret = (options: DoctorOptions): DoctorOptions => ({
  ...options,
  ...(options.listen !== undefined && {
    secret: options.secret ?? randomBytes(32).toString('hex'),
  }),
});

const askNovita = async (
  { signedUrl }: Endpoint,
  { inbox }: Observer,
  options: DoctorOptions,
  console: Console,
): Promise<Check> => {
  const { endpoint, baseUrl, submit, submitBody, waitS } = options;
  if (signedUrl === undefined) {
    const message =
      '--novita needs a token in the URL. Set NOVITA_WEBHOOK_SECRET, or pass --listen.';
    throw new CommandError('usage', message);
  }
  const find = async (taskId: string): Promise<boolean> =>
    (await inbox?.get({ endpoint, taskId })) !== undefined;
  const check = await checkNovita(signedUrl, {
    apiKey: requireKey(options.apiKey),
    baseUrl: baseUrl.replace(/\/+$/, ''),
    ...{ submit, ...(submitBody !== undefined && { submitBody }) },
    waitMs: waitS * 1000,
    hasArrived: inbox === undefined ? undefined : find,
    onProgress: console.progress,
  });
  console.progress(undefined);
  return check;
};

const toExitCode = (checks: readonly Check[]): number => {
  const errors = checks.filter(({ level }) => level === 'error');
  if (errors.some(({ name }) => name === 'connection')) return EXIT_CODES.unavailable;
  return errors.length > 0 ? EXIT_CODES.negative : EXIT_CODES.ok;
};

const count = (checks: readonly Check[], wanted: CheckLevel): number =>
  checks.filter(({ level }) => level === wanted).length;

/** Examines an endpoint and sets the exit code. */
export const doctor = async (
  given: string,
  givenOptions: DoctorOptions,
  console: Console,
): Promise<void> => {
  const options = withSecret(givenOptions);
  if (options.novita) requireKey(options.apiKey);
  const endpoint = await toEndpoint(given, options);
  const checks: Check[] = [];
  const onCheck = (found: Check): void => {
    const check = redactCheck(found);
    checks.push(check);
    if (!options.json) printCheck(check, console);
  };
  const observer = await startObserver(endpoint, options);
  try {
    await examine(endpoint, { event: options.event, onCheck });
    const isReached = checks.some(({ name, level }) => name === 'route' && level === 'ok');
    if (options.novita && isReached) onCheck(await askNovita(endpoint, observer, options, console));
  } finally {
    await observer.close();
  }
  const [errors, warnings] = [count(checks, 'error'), count(checks, 'warning')];
  const url = redactUrl(given);
  if (options.json)
    console.print(JSON.stringify({ url, ok: errors === 0, errors, warnings, checks }));
  else printSummary({ errors, warnings }, console);
  console.setExitCode(toExitCode(checks));
};
