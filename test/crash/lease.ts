/** The lease of every inbox under test. */
export const LEASE_MS = 600;

/**
 * In microseconds. The first heartbeat after a stall asks the store whether the lease is still held. If
 * the store does not answer for this time, the handlers are aborted without an answer.
 */
export const HEARTBEAT_US = (LEASE_MS / 3) * 1000;
