import { stripVTControlCharacters, styleText } from 'node:util';

/** Where a command prints. A test passes its own. */
export interface Terminal {
  /** Prints a line to stdout. */
  readonly print: (line: string) => void;
  /** Prints a line to stderr. */
  readonly printError: (line: string) => void;
  /** Sets the exit code of the process, which ends when nothing is left to do. */
  readonly setExitCode: (code: number) => void;
  /** Colours text, also for a program that writes to a terminal itself. No colour is printed elsewhere. */
  readonly colour: (name: Colour, text: string) => string;
}

/** How a text is shown on a terminal with colours. */
export type Colour = 'green' | 'red' | 'yellow' | 'dim' | 'bold' | 'inverse';

/** Ends the process without an error when the reader of a pipe, such as `head`, has closed it. */
const endOnClosedPipe = (stream: NodeJS.WriteStream): void => {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
};

/** Whether a stream is a terminal that shows colours, and `NO_COLOR` is not set. */
const showsColours = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY && !process.env['NO_COLOR'] && stream.hasColors();

/** Makes the printer of a stream: one may be a terminal, and the other one a file. */
const createPrinter =
  (stream: NodeJS.WriteStream, isColoured: boolean) =>
  (line: string): void =>
    void stream.write(`${isColoured ? line : stripVTControlCharacters(line)}\n`);

/** Creates the terminal of this process. */
export const createTerminal = (): Terminal => {
  const { stdout, stderr } = process;
  endOnClosedPipe(stdout);
  endOnClosedPipe(stderr);
  const [onStdout, onStderr] = [showsColours(stdout), showsColours(stderr)];
  return {
    print: createPrinter(stdout, onStdout),
    printError: createPrinter(stderr, onStderr),
    setExitCode: (code) => {
      process.exitCode = code;
    },
    colour: (name, text) => (onStdout || onStderr ? styleText(name, text) : text),
  };
};
