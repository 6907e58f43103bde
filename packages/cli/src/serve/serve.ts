import { createReceiver, memoryInbox, type Logger, type Receiver } from '@novita-webhooks/core';
import { randomBytes } from 'node:crypto';

import { CommandError, EXIT_CODES, requireSecret } from '@novita-webhooks/simulator/cli';

import { parseAddress } from '../inbox/address.ts';
import { checkInbox, openInbox, type OpenedInbox } from '../inbox/open-inbox.ts';
import { listenForSignals } from '../interruption.ts';
import { invocation } from '../invocation.ts';
import type { Console } from '../terminal/console.ts';
import { printable, toTimeText } from '../terminal/printable.ts';
import { openRecordFile, type RecordFile } from './append-record.ts';
import { toRecord, type EventRecord } from './event-record.ts';
import { forward } from './forward.ts';
import { runExec } from './run-exec.ts';
import { mountReceiver, type Framework } from './frameworks.ts';
import { closeServer, createWebhookServer, listen, type MountedReceiver } from './start-server.ts';

/** Options of `serve`, parsed. */
export interface ServeOptions {
  readonly inbox?: string;
  readonly secret?: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly framework: Framework;
  readonly url?: string;
  readonly endpoint: string;
  readonly exec?: string;
  readonly forward?: string;
  readonly out?: string;
  readonly json?: boolean;
}

const GRACE_PERIOD_MS = 10_000;

/** stdout is for events, so everything else goes to stderr. Stacks are of no use without code of one's own. */
const createLogger = ({ printError, colour }: Console): Logger => {
  const toLine = (details: Record<string, unknown>, message: string): string => {
    const shown = Object.entries(details).filter(([key]) => key !== 'stack');
    const values = shown.map(([key, value]) => `${key}=${String(value)}`);
    return printable([message, ...values].join(' '));
  };
  return {
    debug: () => undefined,
    info: (details, message) => printError(colour('dim', toLine(details, message))),
    warn: (details, message) => printError(colour('yellow', toLine(details, message))),
    error: (details, message) => printError(colour('red', toLine(details, message))),
  };
};

const linksOf = ({ result: { images, videos, audios } }: EventRecord): string[] => [
  ...images.map(({ image_url }) => image_url),
  ...videos.map(({ video_url }) => video_url),
  ...audios.map(({ audio_url }) => audio_url),
];

const describeRecord = (record: EventRecord): string => {
  const { receivedAt, taskId, taskType, status, result } = record;
  const what = status === 'TASK_STATUS_FAILED' ? [result.task.reason] : linksOf(record);
  const words = [toTimeText(receivedAt), taskId, status.replace(/^TASK_STATUS_/, ''), taskType];
  return printable([...words, ...what].join('  '));
};

/** Each is a handler of its own: if one fails, the others do not run again. */
const registerHandlers = (
  receiver: Receiver,
  { exec, forward: target, json }: ServeOptions,
  file: RecordFile | undefined,
  { print }: Console,
): void => {
  const on = (name: string, work: (record: EventRecord, signal: AbortSignal) => unknown): void => {
    receiver.onTaskFinished({ handlerName: name }, async (result, context) => {
      await work(toRecord(result, context), context.signal);
    });
  };
  on('print', (record) => print(json ? JSON.stringify(record) : describeRecord(record)));
  if (file !== undefined) on('out', file.append);
  if (exec !== undefined) on('exec', (record, signal) => runExec(exec, record, signal));
  if (target !== undefined) on('forward', (record, signal) => forward(target, record, signal));
};

const checkPath = (path: string): void => {
  if (/^\/[^\s?#]*$/.test(path) && !['/healthz', '/readyz'].includes(path)) return;
  const message = '--path must begin with /, have no query, and be neither /healthz nor /readyz.';
  throw new CommandError('usage', message);
};

/** For a first try, in memory and without a public address, a secret of this run is enough. */
const toSecret = ({ secret, inbox, url }: ServeOptions): string =>
  secret === undefined && inbox === undefined && url === undefined
    ? randomBytes(32).toString('hex')
    : requireSecret(secret);

const printHead = async (
  options: ServeOptions,
  port: number,
  opened: OpenedInbox | undefined,
  receiver: Receiver,
  { printError }: Console,
): Promise<void> => {
  const { host, path, secret } = options;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
  printError(`listening on ${url}`);
  const token = new URL(await receiver.createCallbackUrl()).search;
  const target = secret === undefined ? `'${url}${token}'` : url;
  if (secret === undefined) {
    printError('  secret:     one for this run only. Set NOVITA_WEBHOOK_SECRET to keep URLs valid');
  }
  printError(
    `  inbox:      ${opened?.description ?? 'in memory, lost at the end. --inbox sqlite:webhooks.db keeps it'}`,
  );
  printError(`  try it:     ${invocation()} trigger ${target}`);
  printError('Ctrl-C ends it.');
};

const open = async (options: ServeOptions): Promise<OpenedInbox | undefined> => {
  if (options.inbox === undefined) return undefined;
  const opened = await openInbox(parseAddress(options.inbox), { create: true });
  await checkInbox(opened);
  return opened;
};

/** Receives events until SIGINT or SIGTERM. */
export const serve = async (options: ServeOptions, console: Console): Promise<void> => {
  const { host, port, path, endpoint, out, framework } = options;
  checkPath(path);
  const secret = toSecret(options);
  const opened = await open(options);
  const interruption = listenForSignals();
  const file = out === undefined ? undefined : await openRecordFile(out);
  let receiver: Receiver | undefined;
  let mounted: MountedReceiver | undefined;
  const server = createWebhookServer(() => mounted);
  try {
    const actualPort = await listen(server, { host, port });
    const url = options.url ?? `http://localhost:${actualPort}${path}`;
    const inbox = opened?.inbox ?? memoryInbox();
    receiver = createReceiver({ url, secret, endpoint, inbox, logger: createLogger(console) });
    registerHandlers(receiver, options, file, console);
    receiver.start();
    mounted = { receiver, listener: await mountReceiver(framework, path, receiver) };
    await printHead(options, actualPort, opened, receiver, console);
    await new Promise<void>((resolve) => {
      if (interruption.signal.aborted) resolve();
      interruption.signal.addEventListener('abort', () => resolve());
    });
    console.printError('stopping: waiting for what runs');
  } finally {
    if (server.listening) await closeServer(server);
    await receiver?.close({ gracePeriodMs: GRACE_PERIOD_MS });
    await opened?.close().catch(() => undefined); // its receiver has closed it, too
    await file?.close();
    interruption.dispose();
  }
  console.setExitCode(EXIT_CODES.ok);
};
