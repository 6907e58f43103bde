import { bullmq } from './bullmq.ts';
import type { Engine, EngineName } from './engine.ts';
import { memory } from './memory.ts';
import { postgres } from './postgres.ts';
import { sqlite } from './sqlite.ts';

/** All engines, by name. */
export const engines: Readonly<Record<EngineName, Engine>> = { memory, sqlite, postgres, bullmq };
