export { addOnlyInbox, type AddOnlyInboxParts } from './add-only-inbox.ts';
export { assets, type Asset } from './assets.ts';
export type { Callback, CallbackOptions } from './callback.ts';
export { systemClock, type Clock } from './clock.ts';
export { resolveEntryQuery, type ResolvedEntryQuery } from './entry-query.ts';
export {
  isWebhookError,
  PermanentError,
  RetryLater,
  WebhookError,
  type WebhookErrorCode,
} from './errors.ts';
export type { OtherEvent } from './event.ts';
export type {
  DeadLetter,
  DeadLetterHandler,
  HandlerContext,
  OtherEventHandler,
  TaskFilter,
  TaskHandler,
} from './handlers.ts';
export type {
  AttemptNow,
  Claim,
  ConsumeOptions,
  Consumption,
  Entry,
  EntryAdmin,
  EntryKey,
  EntryPage,
  EntryQuery,
  EntryState,
  Fence,
  Inbox,
  InboxCapabilities,
  InboxStats,
  NewEntry,
  Outcome,
  Retention,
  Run,
  SingleAttempt,
  Store,
  Transact,
} from './inbox.ts';
export type { JsonObject } from './json.ts';
export type { Logger } from './logger.ts';
export { memoryInbox, type MemoryInboxOptions } from './memory-inbox.ts';
export { memoryStore, type MemoryStoreOptions } from './memory-store.ts';
export type { ReceiverOptions } from './options.ts';
export { pollingInbox, type PollingInboxOptions } from './polling-inbox.ts';
export { HandlersFailed, type ProcessOptions } from './process.ts';
export { createReceiver, toReceiver, type Receiver, type ReceiverStats } from './receiver.ts';
export type { HandlerOptions, OnTask, Registration } from './registration.ts';
export type { ReplyCode } from './replies.ts';
export type { RequestBody, Surroundings, WebhookReply, WebhookRequest } from './request.ts';
export { exponential, type ExponentialOptions, type RetryDelay } from './retry.ts';
export type {
  AudioMetadata,
  AudioResult,
  ImageResult,
  Media,
  NsfwDetection,
  ProgressStatus,
  Task,
  TaskExtra,
  TaskResult,
  TaskType,
  TerminalStatus,
  VideoResult,
} from './task-result.ts';
export { toFetchHandler, type FetchHandler } from './to-fetch-handler.ts';
export {
  toLambdaHandler,
  type LambdaEvent,
  type LambdaHandler,
  type LambdaResult,
} from './to-lambda-handler.ts';
