import type { Logger } from '@novita-webhooks/core';

import type { Client } from './client.ts';

/** The clock of Redis, as far as it can be told from here. */
export interface RedisClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves when the server that is connected has said what time it is. */
  known(): Promise<unknown>;
  report(log: Logger): void;
}

/** Less is how long an answer takes, and no matter. */
const TOLERANCE_MS = 100;
const NOTABLE_MS = 1000;

/**
 * Asks for the time whenever a connection is made. Workers whose clocks differ have to agree on what is
 * due and on what is old.
 */
export function watchClock(client: Client): RedisClock {
  let offsetMs = 0;
  let asked: Promise<unknown> = Promise.resolve();
  let log: Logger | undefined;

  async function ask(): Promise<void> {
    const [seconds, micros] = await client.time();
    const aheadMs = Date.now() - (Number(seconds) * 1000 + Math.floor(Number(micros) / 1000));
    offsetMs = Math.abs(aheadMs) < TOLERANCE_MS ? 0 : -aheadMs;
    if (Math.abs(aheadMs) < NOTABLE_MS) return;
    const message =
      'the clock of this machine differs from that of Redis, which the inbox goes by; set it (NTP)';
    log?.warn({ aheadMs }, message);
  }

  // A user who may not ask goes by the clock of this machine.
  client.on('ready', () => {
    asked = ask().catch(() => undefined);
  });
  return {
    now: () => Date.now() + offsetMs,
    known: () => asked,
    report(to) {
      log = to;
    },
  };
}
