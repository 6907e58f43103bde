// The terminal: alternate screen, keys, size. Whatever ends the process, the user gets the shell back.
import { emitKeypressEvents, type Key } from 'node:readline';

import type { Size } from './frame.ts';
import { listenForStops } from './suspension.ts';

/** A screen of its own, which hides what the shell printed until it is closed. */
export interface Screen {
  readonly size: () => Size;
  /** Shows lines. Writes only those that have changed, and none while the process is stopped. */
  readonly draw: (lines: readonly string[]) => void;
  /** Lets the next `draw()` write all lines. */
  readonly clear: () => void;
  /** Shows what the shell printed again. A second call does nothing. */
  readonly close: () => void;
}

interface Listeners {
  /** Gets the name of a key: `a`, `A`, `?`, `up`, `return`, `ctrl-c`. */
  readonly onKey: (key: string) => void;
  /** The size has changed, or the shell has used the terminal: all lines must be drawn again. */
  readonly onResize: () => void;
  /** The terminal is gone. */
  readonly onEnd: () => void;
}

// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html: alternate screen, cursor, line wrap.
const OPEN = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const CLOSE = '\u001b[?7h\u001b[?25h\u001b[?1049l';

const toName = (text: string | undefined, { name, ctrl, shift, meta }: Key): string => {
  if (ctrl === true) return `ctrl-${name ?? ''}`;
  if (meta === true && name !== 'escape') return `alt-${name ?? ''}`;
  if (shift === true && name?.length === 1) return name.toUpperCase();
  return name ?? text ?? '';
};

/** Clears a row, then writes it: to clear the rest of a full row would clear its last character. */
const writeRow = (row: number, text: string): string => `\u001b[${row};1H\u001b[2K${text}`;

const createPainter = ({ stdout }: NodeJS.Process): Pick<Screen, 'draw' | 'clear'> => {
  let shown: readonly string[] = [];
  return {
    draw: (lines) => {
      const changed = lines.flatMap((text, index) =>
        text === shown[index] ? [] : [writeRow(index + 1, text)],
      );
      if (changed.length > 0) stdout.write(changed.join(''));
      shown = lines;
    },
    clear: () => {
      stdout.write('\u001b[2J');
      shown = [];
    },
  };
};

/** Takes the terminal. In the background this stops the process before anything is written. */
const take = ({ stdin, stdout }: NodeJS.Process): void => {
  stdin.setRawMode(false); // Node believes that its mode is still set after the process was stopped
  stdin.setRawMode(true);
  stdout.write(OPEN);
};

/** Gives the terminal back. */
const giveBack = ({ stdin, stdout }: NodeJS.Process): void => {
  stdout.write(CLOSE);
  stdin.setRawMode(false);
};

/** Opens the screen. */
export const openScreen = ({ onKey, onResize, onEnd }: Listeners): Screen => {
  const { stdin, stdout } = process;
  const onKeypress = (text: string | undefined, key: Key): void => onKey(toName(text, key));
  const { draw, clear } = createPainter(process);
  let isOpen = true;
  let isShown = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    giveBack(process);
    stopListening();
    stdin.pause().off('keypress', onKeypress).off('end', onEnd);
    stdout.off('resize', onResize);
    process.off('exit', close);
  };
  const stopListening = listenForStops({
    onStop: () => {
      giveBack(process);
      isShown = false;
    },
    onContinue: () => {
      take(process);
      isShown = true;
      onResize();
    },
  });
  process.on('exit', close); // also after an error that nothing catches
  take(process);
  emitKeypressEvents(stdin);
  stdin.on('keypress', onKeypress).on('end', onEnd).resume();
  stdout.on('resize', onResize);
  return {
    draw: (lines) => {
      if (isShown) draw(lines);
    },
    clear,
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    close,
  };
};
