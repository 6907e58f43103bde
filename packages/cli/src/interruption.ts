import { EXIT_CODES } from '@novita-webhooks/simulator/cli';

/** Notices SIGINT and SIGTERM while a command works. */
export interface Interruption {
  /** Aborted at the first signal. A second one ends the process at once. */
  readonly signal: AbortSignal;
  /** Exit code for the signal that arrived. */
  readonly exitCode: () => number;
  /** Gives the signals their usual effect back. */
  readonly dispose: () => void;
}

/** Listens for SIGINT (Ctrl-C) and SIGTERM. */
export const listenForSignals = (): Interruption => {
  const aborter = new AbortController();
  let code: number = EXIT_CODES.interrupted;
  const toListener = (exitCode: number) => (): void => {
    if (aborter.signal.aborted) process.exit(exitCode);
    code = exitCode;
    aborter.abort();
  };
  const onInterrupt = toListener(EXIT_CODES.interrupted);
  const onTerminate = toListener(EXIT_CODES.terminated);
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onTerminate);
  return {
    signal: aborter.signal,
    exitCode: () => code,
    dispose: () => {
      process.removeListener('SIGINT', onInterrupt);
      process.removeListener('SIGTERM', onTerminate);
    },
  };
};
