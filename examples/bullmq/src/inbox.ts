import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';

const { REDIS_URL = 'redis://127.0.0.1:6379' } = process.env;

/** What both kinds of process share. */
export const inbox = bullmqInbox({ connection: REDIS_URL });
