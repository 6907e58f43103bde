import type { Engine } from '../engine.ts';
import { broken } from './broken.ts';
import { bullmq } from './bullmq.ts';
import { memory } from './memory.ts';
import { postgres } from './postgres.ts';
import { sqlite } from './sqlite.ts';

/** The inboxes that can be put to the test, by the name that `--engine` takes. */
export const engines: Readonly<Record<string, Engine>> = {
  sqlite,
  postgres,
  bullmq,
  memory,
  ...broken,
};
