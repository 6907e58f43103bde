import type { Engine } from '../engine.ts';
import { broken } from './broken.ts';
import { bullmq } from './bullmq.ts';
import { memory } from './memory.ts';
import { postgres } from './postgres.ts';
import { sqlite } from './sqlite.ts';

/** The inboxes under test, by the value of `--engine`. */
export const engines: Readonly<Record<string, Engine>> = {
  sqlite,
  'sqlite-clock-jumps': { ...sqlite, clockJumps: true },
  postgres,
  bullmq,
  memory,
  ...broken,
};
