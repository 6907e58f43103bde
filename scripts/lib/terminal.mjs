import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** How long a script waits for a line or for the end of a command. */
export const TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 5000;

/** Runs commands in a shell, as a user would in a terminal. Records their output. */
export function openTerminal(commands, cwd, env) {
  // Its own process group, so that a signal reaches the child processes of npm.
  const shell = spawn('sh', ['-ec', commands], { cwd, env, detached: true });
  let output = '';
  let ended = false;
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  const closed = once(shell, 'close').then(() => (ended = true));
  const signal = (name) => {
    try {
      process.kill(-shell.pid, name);
    } catch {
      // All processes of the group have ended.
    }
  };
  return {
    lines: () => output.split('\n'),
    kill: () => signal('SIGKILL'),
    /** Resolves when `count` lines match. */
    async wait(pattern, count = 1) {
      const deadline = Date.now() + TIMEOUT_MS;
      const missing = () => output.split('\n').filter((line) => pattern.test(line)).length < count;
      while (missing() && !ended && Date.now() < deadline) await pause(20);
      if (missing())
        throw new Error(
          `terminal: fewer than ${count} lines match ${pattern} after\n${commands}\n${output}`,
        );
    },
    async stop() {
      signal('SIGTERM');
      // The pipes close when the last process of the group has ended.
      await Promise.race([closed, pause(STOP_TIMEOUT_MS, null, { ref: false })]);
      if (!ended)
        throw new Error(`terminal: still running ${STOP_TIMEOUT_MS} ms after SIGTERM:\n${output}`);
    },
    async end() {
      await Promise.race([closed, pause(TIMEOUT_MS, null, { ref: false })]);
      if (!ended || shell.exitCode !== 0)
        throw new Error(`terminal: the commands failed:\n${commands}\n${output}`);
    },
  };
}
