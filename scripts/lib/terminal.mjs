// Commands as somebody types them into a terminal, for scripts that follow a README.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** How long anything may take that is waited for, in milliseconds. */
export const PATIENCE_MS = 90_000;
const STOP_MS = 5000;

/** Commands in a terminal of their own: what they print, and a way to end them all. */
export function openTerminal(commands, cwd, env) {
  // A group of its own, so that Ctrl-C reaches what npm has started.
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
      // They are gone already.
    }
  };
  return {
    lines: () => output.split('\n'),
    kill: () => signal('SIGKILL'),
    /** Resolves as soon as as many lines match. */
    async wait(pattern, count = 1) {
      const deadline = Date.now() + PATIENCE_MS;
      const missing = () => output.split('\n').filter((line) => pattern.test(line)).length < count;
      while (missing() && !ended && Date.now() < deadline) await pause(20);
      if (missing()) throw new Error(`no ${count} times ${pattern} after\n${commands}\n${output}`);
    },
    async stop() {
      signal('SIGTERM');
      // The pipes close when the last process that was started there has ended.
      await Promise.race([closed, pause(STOP_MS, null, { ref: false })]);
      if (!ended) throw new Error(`still runs ${STOP_MS} ms after SIGTERM:\n${output}`);
    },
    async end() {
      await Promise.race([closed, pause(PATIENCE_MS, null, { ref: false })]);
      if (!ended || shell.exitCode !== 0) throw new Error(`${commands} failed\n${output}`);
    },
  };
}
