import type { Faults, Scenario } from '@novita-webhooks/simulator';

const faults: Required<Faults> = {
  ...{ drop: 0.1, duplicate: 0.1, drift: 0.2, flip: 0.05 },
  ...{ reset: 0.1, truncate: 0.05, contentType: 0.1 },
  delay: { probability: 0.1, ms: [0, 500] },
  reorder: { probability: 0.1, ms: 300 },
  concurrent: { probability: 0.1, copies: 3 },
  slow: { probability: 0.05, ms: [10, 300] },
  drip: { probability: 0.05, ms: [10, 300] },
};

/** A scenario with every fault on, an endpoint without webhooks, and failed tasks. */
export const everyFault: Scenario = {
  taskMs: [0, 300],
  retry: { maxRetries: 5, delayMs: [20, 40, 80, 160, 320] },
  endpointsWithoutWebhooks: ['minimax-speech-2.8-*'],
  concurrency: 32,
  faults,
  tasks: [{ every: 7, plan: { status: 'TASK_STATUS_FAILED', reason: 'out of memory' } }],
};
