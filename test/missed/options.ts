import type { OpenOptions } from '../crash/engine.ts';

export const SECRET = 'a secret for lost webhooks, long enough to sign';

/** Of a server process. */
export interface WorkerOptions {
  readonly engine: string;
  readonly location: string;
  readonly url: string;
  readonly port: number;
  readonly simulatorUrl: string;
  /** Gets a line for each run of a handler: the task id. */
  readonly handledFile: string;
}

const HOUR_MS = 3_600_000;

/** Short leases, so that the entries of a killed process are soon taken over. */
export const INBOX_OPTIONS: OpenOptions = {
  ...{ leaseDurationMs: 3000, pollIntervalMs: 200, cleanupIntervalMs: HOUR_MS },
  retention: { doneMs: HOUR_MS, deadMs: HOUR_MS },
  reach: () => undefined,
  watched: false,
};
