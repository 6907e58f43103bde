// The load, in a process of its own so that it uses no time of the server.
import { performance } from 'node:perf_hooks';

import { replyToParent } from '../../lib/child.ts';
import type { EventTemplate } from '../../lib/event-template.ts';
import type { LoadReply, LoadRequest } from '../protocol.ts';
import { runLoad } from './run-load.ts';
import { createRequests } from './signed-request.ts';

const template = JSON.parse(process.env['BENCH_EVENT'] ?? '') as EventTemplate;

replyToParent(async (load: LoadRequest): Promise<LoadReply> => {
  const requests = createRequests(load, template, load.events);
  const before = performance.eventLoopUtilization();
  const result = await runLoad(load, requests);
  const { utilization } = performance.eventLoopUtilization(before);
  return { ...result, utilization };
});
