// Ctrl-Z: the shell gets its terminal back while the process is stopped.

interface Listeners {
  /** Gives the terminal back to the shell. */
  readonly onStop: () => void;
  /** Takes the terminal again. */
  readonly onContinue: () => void;
}

/** Nothing stops a process that no shell could continue, such as the first one of a container. */
const STOP_TIMEOUT_MS = 200;

/** Stops this process and those that were started with it, such as npx, as a terminal does at Ctrl-Z. */
export const suspend = (): void => {
  if (process.platform !== 'win32') process.kill(0, 'SIGTSTP');
};

/** Calls the listeners around every stop of this process. Returns a function that ends this. */
export const listenForStops = ({ onStop, onContinue }: Listeners): (() => void) => {
  if (process.platform === 'win32') return () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    process.off('SIGTSTP', stop); // without a listener the signal stops the process
    onStop();
    timer = setTimeout(resume, STOP_TIMEOUT_MS);
    process.kill(process.pid, 'SIGTSTP');
  };
  const resume = (): void => {
    clearTimeout(timer);
    process.off('SIGTSTP', stop).on('SIGTSTP', stop);
    onContinue();
  };
  process.on('SIGTSTP', stop).on('SIGCONT', resume);
  return () => {
    clearTimeout(timer);
    process.off('SIGTSTP', stop).off('SIGCONT', resume);
  };
};
