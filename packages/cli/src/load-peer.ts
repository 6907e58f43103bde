// Loads packages that not every user needs, so they are not installed with the command.
import { createRequire } from 'node:module';

import type * as ExpressAdapter from '@novita-webhooks/express';
import type * as FastifyAdapter from '@novita-webhooks/fastify';
import type * as Bullmq from '@novita-webhooks/inbox-bullmq';
import type * as KoaAdapter from '@novita-webhooks/koa';
import type Express from 'express';
import type * as Fastify from 'fastify';
import type KoaClass from 'koa';
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

/** A CommonJS module as `import` returns it, or what `require` returned. */
const unwrap = <Module>(module: Module | { readonly default: Module }): Module =>
  typeof module === 'object' && module !== null && 'default' in module ? module.default : module;

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
  return unwrap<typeof Pg>(pg);
};

/** Loads Express and its adapter. */
export const loadExpress = async (): Promise<
  typeof ExpressAdapter & { readonly express: typeof Express }
> => {
  const install = '@novita-webhooks/express express';
  const adapter = await load(
    '@novita-webhooks/express',
    install,
    () => import('@novita-webhooks/express'),
  );
  const express = await load('express', install, () => import('express'));
  return { ...adapter, express: unwrap<typeof Express>(express) };
};

/** Loads Fastify and its adapter. */
export const loadFastify = async (): Promise<
  typeof FastifyAdapter & Pick<typeof Fastify, 'fastify'>
> => {
  const install = '@novita-webhooks/fastify fastify';
  const adapter = await load(
    '@novita-webhooks/fastify',
    install,
    () => import('@novita-webhooks/fastify'),
  );
  const { fastify } = await load('fastify', install, () => import('fastify'));
  return { ...adapter, fastify };
};

/** Loads Koa and its adapter. */
export const loadKoa = async (): Promise<typeof KoaAdapter & { readonly Koa: typeof KoaClass }> => {
  const install = '@novita-webhooks/koa koa';
  const adapter = await load('@novita-webhooks/koa', install, () => import('@novita-webhooks/koa'));
  const koa = await load('koa', install, () => import('koa'));
  return { ...adapter, Koa: unwrap<typeof KoaClass>(koa) };
};
