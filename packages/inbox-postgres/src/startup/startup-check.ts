import type { Logger } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { toInboxError } from '../errors.ts';
import type { Lifecycle } from './lifecycle.ts';
import { logServerSettings } from './server-settings.ts';

/**
 * Connects and migrates at the first use of the inbox, not before: a program that only mints callback
 * URLs must not connect. Logs what operators should know.
 */
export interface StartupCheck {
  open(log: Logger): void;
  /** Runs an operation of the store. The first one after `open` starts the check. */
  run<T>(operation: () => Promise<T>): Promise<T>;
  /** The logger that `open` received last. */
  log(): Logger;
  stop(): void;
}

export interface StartupCheckOptions {
  readonly query: Query;
  readonly lifecycle: Pick<Lifecycle, 'run' | 'ensureMigrated'>;
}

const RETRY_DELAY_MS = 5000;

export function createStartupCheck(options: StartupCheckOptions): StartupCheck {
  const { query, lifecycle } = options;
  let logger: Logger = silentLogger;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStarted = false;
  let isStopped = false;

  async function check(log: Logger): Promise<void> {
    try {
      await lifecycle.ensureMigrated();
      await logServerSettings(query, log);
    } catch (error) {
      if (isStopped) return;
      const { message } = toInboxError(error);
      const next = `Until then deliveries get 503; next try in ${RETRY_DELAY_MS} ms.`;
      log.error({ error: String(error) }, `${message} ${next}`);
      timer = setTimeout(() => void check(log), RETRY_DELAY_MS);
      timer.unref();
    }
  }

  return {
    open(log) {
      logger = log;
      isStarted = false;
    },
    run(operation) {
      if (!isStarted && !isStopped && logger !== silentLogger) void check(logger);
      isStarted = true;
      return lifecycle.run(operation);
    },
    log: () => logger,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

const ignore = (): void => undefined;
const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
