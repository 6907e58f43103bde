import manifest from '../../package.json' with { type: 'json' };
import { runProgram } from './run-program.ts';
import { addStartCommand } from './start.ts';
import type { Terminal } from './terminal.ts';
import { addTriggerCommand } from './trigger.ts';

const INVOCATION = 'npx @novita-webhooks/simulator';

/**
 * Runs the command `novita-simulator`, prints its errors and sets the exit code.
 *
 * @param args without the names of the runtime and the program
 */
export const runCommandLine = (args: readonly string[], terminal: Terminal): Promise<void> =>
  runProgram(
    {
      name: 'novita-simulator',
      version: manifest.version,
      description: 'A local Novita AI for development: start runs one, trigger delivers one event.',
    },
    args,
    terminal,
    (program) => {
      addStartCommand(program, terminal, { start: `${INVOCATION} start` });
      const commands = { trigger: `${INVOCATION} trigger`, start: `${INVOCATION} start` };
      addTriggerCommand(program, terminal, commands);
    },
  );
