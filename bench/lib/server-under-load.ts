import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { LoadAnswer, LoadQuestion } from './load/protocol.ts';
import { engines } from './engines/index.ts';
import type { ServerAnswer, ServerOptions, ServerQuestion, Subject } from './server/protocol.ts';
import { cache, type Bundles } from './bundle.ts';
import { startChild, type Child, type StartOptions } from './child.ts';
import { check, checkFile } from './check.ts';
import type { EventTemplate } from './event-template.ts';
import { temporary } from './clean-up.ts';

export type LoadGenerator = Child<LoadQuestion, LoadAnswer>;

export function startLoadGenerator(bundles: Bundles, template: EventTemplate): LoadGenerator {
  return startChild({ bundle: bundles.load, env: { BENCH_EVENT: JSON.stringify(template) } });
}

/** A server under load, with a file of its own. */
export interface Scene {
  readonly options: ServerOptions;
  /** One round; resolves when all of it is handled. */
  round(load: RoundLoad): Promise<Round>;
  /** Ends the server, and sees whether the file holds what was acknowledged. */
  end(): Promise<void>;
}

export type RoundLoad =
  | { readonly type: 'closed'; readonly connections: number; readonly seconds: number }
  | { readonly type: 'paced'; readonly perSecond: number; readonly seconds: number };

/** Figures of one round. Times are in milliseconds. */
export interface Round {
  readonly perSecond: number;
  /** The same, with the time until the last one was handled. */
  readonly handledPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly acknowledged: number;
  /** What was not handled when the last request was answered, and how long that took. */
  readonly backlog: number;
  readonly drainMs: number;
  readonly server: ServerAnswer['loop'];
  readonly generatorUtilization: number;
}

export interface SceneOptions extends Omit<ServerOptions, 'path'> {
  readonly bundles: Bundles;
  readonly generator: LoadGenerator;
  readonly env?: StartOptions['env'];
}

let scenes = 0;

/** Whether the inbox is on a server, which other runs share. */
const isServer = (subject: Subject): subject is 'postgres' | 'bullmq' =>
  subject === 'postgres' || subject === 'bullmq';

export async function startScene(given: SceneOptions): Promise<Scene> {
  const { bundles, generator, env, framework, subject, concurrency } = given;
  const folder = join(cache, `scene-${process.pid}-${(scenes += 1)}`);
  mkdirSync(folder, { recursive: true });
  const removeFolder = temporary(folder);
  const place = isServer(subject) ? await engines[subject].createPlace() : undefined;
  const path = place?.location ?? join(folder, 'inbox.db');
  const options = { framework, subject, concurrency, path };
  const ledger = join(folder, 'acknowledged');
  const server = startChild<ServerQuestion, ServerAnswer>({ bundle: bundles.server, env });
  const { url } = await server.ask({ type: 'start', options });
  const name = `${subject} behind ${framework}`;
  let acknowledged = 0;

  return {
    options,
    async round(load) {
      const before = await server.ask({ type: 'watch' });
      const loaded = await generator.ask({ ...load, url, ledger });
      const after = await server.ask({ type: 'read' });
      const drainBegan = performance.now();
      const drained = await server.ask({ type: 'drain' });
      const drainMs = performance.now() - drainBegan;
      acknowledged += loaded.acknowledged;
      check(loaded.failed === 0, `${name}: ${loaded.failed} requests failed`);
      check(loaded.acknowledged > 0, `${name}: nothing was acknowledged`);
      check(drained.open === 0, `${name}: ${drained.open} entries were never handled`);
      const handled = drained.handled - before.handled;
      check(handled >= loaded.acknowledged, `${name}: only ${handled} of them were handled`);
      return {
        perSecond: loaded.acknowledged / loaded.seconds,
        handledPerSecond: handled / (loaded.seconds + drainMs / 1000),
        p50: loaded.p50,
        p99: loaded.p99,
        max: loaded.max,
        acknowledged: loaded.acknowledged,
        backlog: after.open,
        drainMs,
        server: after.loop,
        generatorUtilization: loaded.utilization,
      };
    },
    async end() {
      const { handled, done } = await server.ask({ type: 'stop' });
      await server.end();
      if (place !== undefined) {
        check(done >= acknowledged, `${name}: ${done} of ${acknowledged} acknowledged are done`);
        check(done === handled, `${name}: ${done} entries, ${handled} handled`);
        await place.remove();
      } else if (subject !== 'memory') checkFile({ name, path, ledger, acknowledged, handled });
      removeFolder();
    },
  };
}
