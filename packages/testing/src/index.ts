// The public entry: contracts, fakes, samples and a clock that tests move.
export { adapterContract } from './contracts/adapter/adapter-contract.ts';
export type {
  AdapterServer,
  AdapterSubject,
  PriorMiddleware,
} from './contracts/adapter/adapter-subject.ts';
export { addOnlyContract } from './contracts/add-only/add-only-contract.ts';
export type { AddOnlySubject } from './contracts/add-only/add-only-subject.ts';
export { runCase, type ContractCase } from './contracts/contract-case.ts';
export { inboxContract } from './contracts/inbox/inbox-contract.ts';
export type { InboxSubject } from './contracts/inbox/inbox-subject.ts';
export {
  runContractProcess,
  type OpenContractInbox,
} from './contracts/inbox/support/contract-process.ts';
export { storeContract } from './contracts/store/store-contract.ts';
export type { StoreSubject } from './contracts/store/store-subject.ts';
export { createFakeInbox, type FakeInbox } from './fakes/create-fake-inbox.ts';
export { createManualClock, type ManualClock } from './fakes/create-manual-clock.ts';
export {
  createTestReceiver,
  deliver,
  type TestReceiverOptions,
} from './fakes/create-test-receiver.ts';
export { BAD_TOKENS, badCallbackUrl, type BadToken } from './samples/bad-callback-url.ts';
export { createTestEntry } from './samples/create-test-entry.ts';
export { sampleEvents, type SampleEvent, type SampleOptions } from './samples/sample-events.ts';
export { delivery, signedDelivery, TEST_SECRET } from './samples/signed-delivery.ts';
