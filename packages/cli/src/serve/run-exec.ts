import { spawn, type ChildProcess } from 'node:child_process';

import type { EventRecord } from './event-record.ts';

/** Characters of stderr that an error repeats. */
const MAX_ERROR_LENGTH = 300;

/** The environment of a command: the record's main values, and no secret. */
const toEnv = ({ taskId, status, taskType }: EventRecord): NodeJS.ProcessEnv => ({
  ...process.env,
  NOVITA_WEBHOOK_SECRET: undefined,
  NOVITA_INBOX: undefined,
  NOVITA_TASK_ID: taskId,
  NOVITA_TASK_STATUS: status,
  NOVITA_TASK_TYPE: taskType,
});

/** Ends the shell and what it has started. */
const kill = (child: ChildProcess): void => {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill();
    else process.kill(-child.pid, 'SIGTERM');
  } catch {
    // it has ended
  }
};

/**
 * Runs a command of the shell with the record on stdin. Rejects unless it exits with 0, so the event is
 * tried again. Its own output goes to stderr.
 */
export const runExec = (command: string, record: EventRecord, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, {
      shell: true,
      detached: process.platform !== 'win32', // a process group; Ctrl-C does not reach it
      stdio: ['pipe', 'pipe', 'pipe'],
      env: toEnv(record),
    });
    const abort = (): void => kill(child);
    signal.addEventListener('abort', abort, { once: true });
    let errors = '';
    child.stdout.pipe(process.stderr, { end: false });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text);
      errors = (errors + text).slice(-MAX_ERROR_LENGTH);
    });
    child.stdin.on('error', () => undefined); // a command need not read
    child.stdin.end(`${JSON.stringify(record)}\n`);
    child.on('error', reject);
    child.on('close', (code, endedBy) => {
      signal.removeEventListener('abort', abort);
      if (code === 0) resolve();
      else
        reject(new Error(`--exec ended with ${code ?? endedBy}: ${errors.trim() || 'no output'}`));
    });
  });
