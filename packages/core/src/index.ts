// The public entry: receivers, events, inboxes, and what adapters and stores are made of.
export {
  requireOptions,
  validate,
  type Validated,
  type ValueSchema,
} from './shared/check-options.ts';
export { addOnlyInbox, type AddOnlyInboxParts } from './inbox/add-only-inbox.ts';
export { assets, type Asset } from './events/assets.ts';
export type {
  CallbackConfig,
  CallbackOptions,
  CallbackSettings,
  MetadataInput,
  MetadataOption,
  OptionalArgument,
} from './callback/callback.ts';
export type { TokenRefusal } from './callback/token.ts';
export { systemClock, type Clock } from './shared/clock.ts';
export type { ResolvedEntryFilter } from './inbox/entry-filter.ts';
export { resolveEntryQuery, type ResolvedEntryQuery } from './inbox/entry-query.ts';
export { createEntryAdmin } from './inbox/operations/create-entry-admin.ts';
export {
  hasForeignToken,
  inheritExpectation,
  isExpectation,
  shownState,
  type StoredState,
} from './inbox/expectation.ts';
export type { MediaKind } from './expectations/expectation-body.ts';
export type { AwaitOptions, ExpectOptions, SubmitOptions } from './expectations/expect-options.ts';
export type { Submission, SubmitCall } from './expectations/submit-task.ts';
export type { SweepCounts } from './expectations/sweep.ts';
export { describeHandlerName } from './inbox/handler-name.ts';
export { errorGroupOf } from './inbox/error-group.ts';
export { isUnchanged } from './inbox/is-unchanged.ts';
export { replayChanges } from './inbox/replay-changes.ts';
export { scanEntries, type ScannedEntry } from './inbox/scan-entries.ts';
export {
  isWebhookError,
  PermanentError,
  RetryLaterError,
  WebhookError,
  type ReplyCode,
  type WebhookErrorCode,
} from './shared/errors.ts';
export type { OtherEvent } from './events/envelope.ts';
export type {
  DeadLetter,
  DeadLetterHandler,
  HandlerContext,
  OtherEventHandler,
  TaskFilter,
  TaskHandler,
} from './handlers/handlers.ts';
export type {
  AddAnswer,
  AttemptOptions,
  AttemptRecord,
  BulkOptions,
  Claim,
  ConsumeOptions,
  DeadLetterCode,
  Consumer,
  DiscardManyResult,
  Entry,
  EntryAdmin,
  EntryFilter,
  EntryGroup,
  EntryGroups,
  EntryKey,
  EntryPage,
  EntryQuery,
  EntrySource,
  EntryState,
  EntryTable,
  EntryTarget,
  ClaimRef,
  HandlerFailure,
  ImportResult,
  Inbox,
  InboxCapabilities,
  InboxStats,
  NewEntry,
  Outcome,
  PartialReplay,
  ReplayHandlers,
  ReplayManyResult,
  ReplayOptions,
  Retention,
  EntryProcessor,
  AttemptHandle,
  Store,
  StoreReplayOptions,
  RunInTransaction,
  Time,
} from './inbox/ports.ts';
export type { JsonObject } from './shared/json.ts';
export type { Logger } from './shared/logger.ts';
export { redactUrl } from './shared/redact.ts';
export { checkNewEntry } from './inbox/check-new-entry.ts';
export { isBoundToken } from './shared/token-id.ts';
export { parseStoredEntry, type StoredEntry } from './inbox/stored-entry.ts';
export { memoryInbox, type MemoryInboxOptions } from './inbox/memory/memory-inbox.ts';
export { memoryStore, type MemoryStoreOptions } from './inbox/memory/memory-store.ts';
export type { ReceiverOptions } from './options.ts';
export type { SchemaIssue, SchemaResult, StandardSchema } from './shared/standard-schema.ts';
export {
  POLLING_INBOX_OPTIONS,
  pollingInbox,
  type PollingInboxOptions,
} from './inbox/polling/polling-inbox.ts';
export {
  HandlersFailedError,
  type ProcessOptions,
  type ProcessUnverifiedOptions,
} from './delivery/process-entry.ts';
export { toReceiver, type AdapterMount } from './adapters/to-receiver.ts';
export type { CheckOptions } from './self-check/check-receiver.ts';
export { createReceiver, type Receiver } from './receiver.ts';
export type { ReceiverStats } from './receiver-stats.ts';
export type { Finding, FindingCode } from './self-check/finding.ts';
export type { IdleOptions } from './inbox/wait-until-idle.ts';
export type { HandlerOptions, OnTask, Registration } from './handlers/registration.ts';
export type { RefusedDelivery } from './delivery/refused-deliveries.ts';
export type {
  BodySink,
  PushedBody,
  RequestBody,
  RuntimeContext,
  WebhookReply,
  WebhookRequest,
} from './delivery/request.ts';
export {
  exponentialBackoff,
  type ExponentialBackoffOptions,
  type RetryDelay,
} from './shared/backoff.ts';
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
} from './events/task-result.ts';
export {
  createTaskResultClient,
  type TaskResultClient,
  type TaskResultRequest,
} from './task-results/client.ts';
export type { FetchFunction, TaskResultClientOptions } from './task-results/client-options.ts';
export { toFetchHandler, type FetchHandler } from './adapters/to-fetch-handler.ts';
export {
  toLambdaHandler,
  type LambdaEvent,
  type LambdaHandler,
  type LambdaResult,
} from './adapters/to-lambda-handler.ts';
