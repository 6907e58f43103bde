/**
 * Exit codes of the commands, by category.
 *
 * - `ok`: done
 * - `negative`: the answer is no: an event that was not acknowledged, no such entry, a fault found
 * - `usage`: the command line is wrong
 * - `unavailable`: an inbox, a server, a port or a file cannot be used
 * - `input`: the content of a file is wrong
 * - `internal`: a fault of the command itself
 * - `interrupted`, `terminated`: ended by SIGINT or SIGTERM before the work was done
 */
export const EXIT_CODES = {
  ok: 0,
  negative: 1,
  usage: 2,
  unavailable: 3,
  input: 4,
  internal: 70,
  interrupted: 130,
  terminated: 143,
} as const;

/** A category of exit codes. */
export type ExitCategory = keyof typeof EXIT_CODES;
