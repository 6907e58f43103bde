// Loads packages that not every user needs, so they are not installed with the command.
import { createRequire } from 'node:module';

import type * as Bullmq from '@novita-webhooks/inbox-bullmq';
import type * as Pg from 'pg';
import { CommandError, messageOf } from '@novita-webhooks/simulator/cli';

const isMissing = (error: unknown): boolean => {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
};

/** Looks beside this package, then in the project of the current folder: `npx` installs elsewhere. */
const load = async <Module>(
  name: string,
  install: string,
  importIt: () => Promise<Module>,
): Promise<Module> => {
  try {
    return await importIt();
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  try {
    return createRequire(`${process.cwd()}/`)(name) as Module;
  } catch (cause) {
    const fault = isMissing(cause) ? 'is not installed' : `cannot be loaded: ${messageOf(cause)}`;
    const message = `${name} ${fault}. Run \`npm install ${install}\` in this folder.`;
    throw new CommandError('unavailable', message, { cause });
  }
};

/** Loads the inbox on BullMQ. */
export const loadBullmq = (): Promise<typeof Bullmq> =>
  load(
    '@novita-webhooks/inbox-bullmq',
    '@novita-webhooks/inbox-bullmq bullmq ioredis',
    () => import('@novita-webhooks/inbox-bullmq'),
  );

/** Loads the driver of PostgreSQL. */
export const loadPg = async (): Promise<typeof Pg> => {
  const pg = await load('pg', 'pg', () => import('pg'));
  return 'Pool' in pg ? pg : (pg as { readonly default: typeof Pg }).default; // it is CommonJS
};
