// The public entry: the inbox on BullMQ and its options.
export { bullmqInbox } from './bullmq-inbox.ts';
export type { BullmqInboxOptions } from './options.ts';
