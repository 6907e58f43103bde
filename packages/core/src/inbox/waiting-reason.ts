/** Begins the reason of a pending entry whose handlers wait for the Task Result API (`confirm`). */
export const WAITING = 'waiting for the Task Result API';

/** From then on links of results have expired, and Novita may forget their tasks: waiting is an error. */
export const LONG_WAIT_MS: number = 60 * 60_000;
