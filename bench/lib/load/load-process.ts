// The load generator: a process of its own, so that it takes no time from the server's.
import { appendFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

import { answerParent } from '../child.ts';
import type { EventTemplate } from '../event-template.ts';
import { loadClosed } from './closed-loop.ts';
import { loadPaced } from './open-loop.ts';
import type { LoadAnswer, LoadQuestion } from './protocol.ts';

const template = JSON.parse(process.env['BENCH_EVENT'] ?? '') as EventTemplate;

answerParent(async (load: LoadQuestion): Promise<LoadAnswer> => {
  const before = performance.eventLoopUtilization();
  const { ids, ...loaded } =
    load.type === 'closed' ? await loadClosed(load, template) : await loadPaced(load, template);
  const { utilization } = performance.eventLoopUtilization(before);
  appendFileSync(load.ledger, ids.map((id) => `${id}\n`).join(''));
  return { ...loaded, utilization };
});
