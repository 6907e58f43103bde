import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

import type { EventLoopFigures } from './protocol.ts';

/** Measures the event loop of this process. */
export interface EventLoopMonitor {
  /** Figures since the start. */
  read(): EventLoopFigures;
  stop(): void;
}

/** The sampling interval. Each sample includes it. */
const RESOLUTION_MS = 1;

export function monitorEventLoop(): EventLoopMonitor {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const utilization = performance.eventLoopUtilization();
  const cpu = process.cpuUsage();
  const toMs = (ns: number) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
  return {
    stop: () => void delay.disable(),
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
