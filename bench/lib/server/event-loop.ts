import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

import type { LoopFigures } from './protocol.ts';

export interface LoopWatch {
  /** Since the watch began. */
  read(): LoopFigures;
  end(): void;
}

/** How often the delay is sampled, in milliseconds; a part of each sample. */
const RESOLUTION_MS = 1;

export function watchLoop(): LoopWatch {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const utilization = performance.eventLoopUtilization();
  const cpu = process.cpuUsage();
  const toMs = (ns: number) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
  return {
    end: () => void delay.disable(),
    read() {
      const { user, system } = process.cpuUsage(cpu);
      return {
        delayP99: toMs(delay.percentile(99)),
        delayMax: toMs(delay.max),
        utilization: performance.eventLoopUtilization(utilization).utilization,
        cpuMs: (user + system) / 1000,
        rssBytes: process.memoryUsage.rss(),
      };
    },
  };
}
