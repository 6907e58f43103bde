import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { cache, type Bundles } from '../lib/bundle.ts';
import { check } from '../lib/check.ts';
import { startChild, type Child } from '../lib/child.ts';
import { deleteOnExit } from '../lib/clean-up.ts';
import { engines } from '../lib/engines/index.ts';
import type { EventTemplate } from '../lib/event-template.ts';
import type { LoadReply, LoadRequest, ServerReply, ServerRequest } from './protocol.ts';

/** Cores of the processes. Without it, the scheduler chooses. */
export interface Cores {
  readonly server: number;
  readonly load: number;
}

export type LoadProcess = Child<LoadRequest, LoadReply>;

/** A target in its own process. */
export interface MeasuredTarget {
  readonly name: string;
  run(load: Pick<LoadRequest, 'events' | 'connections' | 'perSecond'>): Promise<Measured>;
  end(): Promise<void>;
}

export interface Measured extends LoadReply {
  readonly perSecond: number;
  /** CPU time of the server for each event, its handler included. */
  readonly cpuMicrosPerEvent: number;
}

export function startLoadProcess(
  bundles: Bundles,
  template: EventTemplate,
  cores: Cores | undefined,
): LoadProcess {
  return startChild({
    bundle: bundles['peers-load'],
    core: cores?.load,
    env: { BENCH_EVENT: JSON.stringify(template) },
  });
}

let started = 0;

export async function startTarget(
  name: string,
  bundles: Bundles,
  load: LoadProcess,
  cores: Cores | undefined,
): Promise<MeasuredTarget> {
  const folder = join(cache, `peer-${process.pid}-${(started += 1)}`);
  mkdirSync(folder, { recursive: true });
  const removeFolder = deleteOnExit(folder);
  const engine = (['postgres', 'bullmq'] as const).find((it) => name.endsWith(it));
  const place = engine && (await engines[engine].createPlace());
  const location = place?.location ?? join(folder, 'inbox.db');
  const server = startChild<ServerRequest, ServerReply>({
    bundle: bundles.peers,
    core: cores?.server,
  });
  const { url, scheme } = await server.request({ type: 'start', target: name, location });

  return {
    name,
    async run(options) {
      const { events } = options;
      const before = await server.request({ type: 'read' });
      const result = await load.request({ url, scheme, ...options });
      const handled = before.handled + events;
      const after = await server.request({ type: 'drain', handled });
      check(result.failed === 0, `${name}: ${result.failed} of ${events} events were refused`);
      check(after.handled === handled, `${name}: ${after.handled} of ${handled} were handled`);
      const cpuMicrosPerEvent = (after.cpuMicros - before.cpuMicros) / events;
      return { ...result, perSecond: events / result.seconds, cpuMicrosPerEvent };
    },
    async end() {
      await server.request({ type: 'stop' });
      await server.end();
      await place?.remove();
      removeFolder();
    },
  };
}
