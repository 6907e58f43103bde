import type { Logger } from '@novita-webhooks/core';

import type { Query } from '../client/database.ts';
import { toInboxError } from '../errors.ts';
import { logServerSettings } from './server-settings.ts';

/** Connects and migrates as soon as a receiver opens the inbox. Logs what operators should know. */
export interface StartupCheck {
  start(log: Logger): void;
  /** The logger that `start` received last. */
  log(): Logger;
  stop(): void;
}

export interface StartupCheckOptions {
  readonly query: Query;
  readonly ensureMigrated: () => Promise<void>;
}

const RETRY_DELAY_MS = 5000;

export function createStartupCheck(options: StartupCheckOptions): StartupCheck {
  const { query, ensureMigrated } = options;
  let logger: Logger = silentLogger;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;

  async function check(log: Logger): Promise<void> {
    try {
      await ensureMigrated();
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
    start(log) {
      logger = log;
      if (!isStopped) void check(log);
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
