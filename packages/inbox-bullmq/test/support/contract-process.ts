// Arguments: the address of Redis and the prefix of all keys.
import { runContractProcess } from '@novita-webhooks/testing';
import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';

const [connection = '', prefix = ''] = process.argv.slice(2);
await runContractProcess((options) => bullmqInbox({ connection, prefix, ...options }));
