import { sampleEvents } from '@novita-webhooks/testing';

import type { Random } from '../../test/crash/random.ts';
import { createLatencies, type Latencies } from '../load/latencies.ts';
import type { EventClock } from './event-clock.ts';
import type { Web } from './fleet.ts';

export interface NovitaOptions {
  readonly clock: EventClock;
  readonly random: Random;
  readonly webs: readonly Web[];
  /** Time between two deliveries of an event, in milliseconds. What Novita's is, it does not say. */
  readonly spacingMs: number;
}

/** Delivers events as Novita does: waits for five seconds, tries again up to five times. */
export interface Novita {
  deliver(taskId: string): Promise<void>;
  /** When each was answered 2xx. */
  readonly acknowledged: ReadonlyMap<string, number>;
  /** How long the answers took that were 2xx. */
  readonly latencies: Latencies;
  /** Delivered in vain, and not tried again. */
  givenUp(): number;
  /** Deliveries after the first. */
  repeated(): number;
}

const TIMEOUT_MS = 5000;
const REPEATS = 5;

export function createNovita({ clock, random, webs, spacingMs }: NovitaOptions): Novita {
  const acknowledged = new Map<string, number>();
  const latencies = createLatencies();
  let givenUp = 0;
  let repeated = 0;

  async function post(body: string): Promise<boolean> {
    const alive = webs.filter((web) => web.isAlive());
    const web = alive[random.between(0, alive.length - 1)];
    if (web === undefined) return false;
    const startedAt = clock.now();
    const isGood = await new Promise<boolean>((resolve) => {
      const cancel = clock.after(TIMEOUT_MS, () => resolve(false));
      void web.deliver(body).then(({ status }) => {
        cancel();
        resolve(status < 300);
      });
    });
    if (isGood) latencies.record(clock.now() - startedAt);
    return isGood;
  }

  return {
    acknowledged,
    latencies,
    givenUp: () => givenUp,
    repeated: () => repeated,
    async deliver(taskId) {
      const body = JSON.stringify(sampleEvents.imageSucceeded({ taskId }));
      for (let tries = 0; tries <= REPEATS; tries += 1) {
        if (tries > 0) {
          await clock.sleep(spacingMs);
          repeated += 1;
        }
        if (await post(body)) {
          acknowledged.set(taskId, clock.now());
          return;
        }
      }
      givenUp += 1;
    },
  };
}

/** Begins `work` at random times, `perSecond` on average, until a time. */
export async function arrive(
  { clock, random }: Pick<NovitaOptions, 'clock' | 'random'>,
  perSecond: (now: number) => number,
  until: number,
  work: () => void,
): Promise<void> {
  for (;;) {
    await clock.sleep((-Math.log(1 - random.next()) * 1000) / perSecond(clock.now()));
    if (clock.now() >= until) return;
    work();
  }
}
