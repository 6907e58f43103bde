import { addStartCommand } from '@novita-webhooks/simulator/cli';
import type { Command } from 'commander';

import type { Console } from '../terminal/console.ts';
import { showView } from './show-view.ts';

/** Adds `simulate`: the command `start` of the simulator, with a live view on a terminal. */
export const addSimulateCommand = (program: Command, console: Console): void => {
  addStartCommand(program, console, {
    start: 'novita-webhooks simulate',
    view: {
      isPossible: console.isTerminal && process.stdin.isTTY,
      show: (simulator, ended) => showView(simulator, console, ended),
    },
  });
};
