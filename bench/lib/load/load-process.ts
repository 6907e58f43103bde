// The load process. It is separate so that it does not use the event loop of the server.
import { appendFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

import { replyToParent } from '../child.ts';
import type { EventTemplate } from '../event-template.ts';
import { runClosedLoop } from './closed-loop.ts';
import { runOpenLoop } from './open-loop.ts';
import type { LoadReply, LoadRequest } from './protocol.ts';

const template = JSON.parse(process.env['BENCH_EVENT'] ?? '') as EventTemplate;

replyToParent(async (load: LoadRequest): Promise<LoadReply> => {
  const before = performance.eventLoopUtilization();
  const { ids, ...loaded } =
    load.type === 'closed-loop'
      ? await runClosedLoop(load, template)
      : await runOpenLoop(load, template);
  const { utilization } = performance.eventLoopUtilization(before);
  appendFileSync(load.acknowledgedFile, ids.map((id) => `${id}\n`).join(''));
  return { ...loaded, utilization };
});
