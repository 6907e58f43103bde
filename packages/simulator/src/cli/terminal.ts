import { styleText } from 'node:util';

/** Where a command prints. A test passes its own. */
export interface Terminal {
  /** Prints a line to stdout. */
  readonly print: (line: string) => void;
  /** Prints a line to stderr. */
  readonly printError: (line: string) => void;
  /** Sets the exit code of the process, which ends when nothing is left to do. */
  readonly setExitCode: (code: number) => void;
  /** Colours text if stdout is a terminal that shows colours, and `NO_COLOR` is not set. */
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

/** Creates the terminal of this process. */
export const createTerminal = (): Terminal => {
  const { stdout, stderr, env } = process;
  endOnClosedPipe(stdout);
  endOnClosedPipe(stderr);
  const hasColours = stdout.isTTY && !env['NO_COLOR'] && stdout.hasColors();
  return {
    print: (line) => void stdout.write(`${line}\n`),
    printError: (line) => void stderr.write(`${line}\n`),
    setExitCode: (code) => {
      process.exitCode = code;
    },
    colour: (name, text) => (hasColours ? styleText(name, text) : text),
  };
};
