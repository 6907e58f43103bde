import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { cache, type Bundles } from './bundle.ts';
import { check, checkFile } from './check.ts';
import { startChild, type Child, type StartOptions } from './child.ts';
import { deleteOnExit } from './clean-up.ts';
import { engines } from './engines/index.ts';
import type { EventTemplate } from './event-template.ts';
import type { ClosedLoop, LoadReply, LoadRequest, OpenLoop } from './load/protocol.ts';
import type { InboxName, ServerOptions, ServerReply, ServerRequest } from './server/protocol.ts';

export type LoadGenerator = Child<LoadRequest, LoadReply>;

export function startLoadGenerator(bundles: Bundles, template: EventTemplate): LoadGenerator {
  return startChild({ bundle: bundles.load, env: { BENCH_EVENT: JSON.stringify(template) } });
}

/** A server process with its own inbox. */
export interface ServerUnderLoad {
  /** Runs one round. Resolves when all its events are handled. */
  round(load: RoundLoad): Promise<Round>;
  /** Stops the server, and checks that the inbox has all acknowledged events as done. */
  end(): Promise<void>;
}

type RoundOf<Load> = Omit<Load, 'url' | 'acknowledgedFile'>;
export type RoundLoad = RoundOf<ClosedLoop> | RoundOf<OpenLoop>;

/** Figures of one round. Times are in milliseconds. */
export interface Round {
  /** Acknowledged requests per second. */
  readonly perSecond: number;
  /** The same, including the time until the last event was handled. */
  readonly handledPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly acknowledged: number;
  /** How long the server still handled events after the last reply. */
  readonly drainMs: number;
  readonly eventLoop: ServerReply['eventLoop'];
  readonly generatorUtilization: number;
}

export interface ServerUnderLoadOptions extends Omit<ServerOptions, 'location'> {
  readonly bundles: Bundles;
  readonly generator: LoadGenerator;
  readonly env?: StartOptions['env'];
}

let started = 0;

/** Whether the inbox is on a server, which other processes use too. */
const isOnServer = (inbox: InboxName): inbox is 'postgres' | 'bullmq' =>
  inbox === 'postgres' || inbox === 'bullmq';

export async function startServerUnderLoad({
  bundles,
  generator,
  env,
  framework,
  inbox,
  concurrency,
}: ServerUnderLoadOptions): Promise<ServerUnderLoad> {
  const folder = join(cache, `server-${process.pid}-${(started += 1)}`);
  mkdirSync(folder, { recursive: true });
  const removeFolder = deleteOnExit(folder);
  const place = isOnServer(inbox) ? await engines[inbox].createPlace() : undefined;
  const location = place?.location ?? join(folder, 'inbox.db');
  const options = { framework, inbox, concurrency, location };
  const acknowledgedFile = join(folder, 'acknowledged');
  const server = startChild<ServerRequest, ServerReply>({ bundle: bundles.server, env });
  const { url } = await server.request({ type: 'start', options });
  const name = `${inbox} behind ${framework}`;
  let acknowledged = 0;

  return {
    async round(load) {
      const before = await server.request({ type: 'watch' });
      const result = await generator.request({ ...load, url, acknowledgedFile });
      const after = await server.request({ type: 'read' });
      const drainBegan = performance.now();
      const drained = await server.request({ type: 'drain' });
      const drainMs = performance.now() - drainBegan;
      const handled = drained.handled - before.handled;
      acknowledged += result.acknowledged;
      check(result.failed === 0, `${name}: ${result.failed} requests failed`);
      check(result.acknowledged > 0, `${name}: no request was acknowledged`);
      check(drained.unfinished === 0, `${name}: ${drained.unfinished} entries are not done`);
      check(handled >= result.acknowledged, `${name}: only ${handled} entries were handled`);
      return {
        perSecond: result.acknowledged / result.seconds,
        handledPerSecond: handled / (result.seconds + drainMs / 1000),
        p50: result.p50,
        p99: result.p99,
        max: result.max,
        acknowledged: result.acknowledged,
        drainMs,
        eventLoop: after.eventLoop,
        generatorUtilization: result.utilization,
      };
    },
    async end() {
      const { handled, done } = await server.request({ type: 'stop' });
      await server.end();
      if (place !== undefined) {
        check(done >= acknowledged, `${name}: ${done} of ${acknowledged} acknowledged are done`);
        check(done === handled, `${name}: ${done} entries are done, but ${handled} were handled`);
        await place.remove();
      } else if (inbox !== 'memory') {
        checkFile({ name, path: location, acknowledgedFile, acknowledged, handled });
      }
      removeFolder();
    },
  };
}
