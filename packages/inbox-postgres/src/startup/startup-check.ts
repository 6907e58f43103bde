import type { Logger } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { checkHealth } from './server-settings.ts';
import { explain } from '../errors.ts';

/** Connects as soon as a receiver has the inbox, and tells its operators what they should know. */
export interface Starter {
  start(log: Logger): void;
  /** Where that is told. */
  log(): Logger;
  stop(): void;
}

export interface StarterOptions {
  readonly query: Query;
  readonly ready: () => Promise<void>;
}

const PAUSE_MS = 5000;

export function createStarter({ query, ready }: StarterOptions): Starter {
  let logger: Logger = silence;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;

  async function start(log: Logger): Promise<void> {
    try {
      await ready();
      await checkHealth(query, log);
    } catch (error) {
      if (isStopped) return;
      const { message } = explain(error);
      log.error(
        { error: String(error) },
        `${message}. Deliveries get 503 until then; trying again`,
      );
      timer = setTimeout(() => void start(log), PAUSE_MS);
      timer.unref();
    }
  }

  return {
    start(log) {
      logger = log;
      if (!isStopped) void start(log);
    },
    log: () => logger,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

const nothing = (): void => undefined;
const silence: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
