export { adapterContract } from './contracts/adapter/adapter-contract.ts';
export type { AdapterServer, AdapterSubject, Before } from './contracts/adapter/adapter-subject.ts';
export { addOnlyContract, type AddOnlySubject } from './contracts/add-only/add-only-contract.ts';
export { runCase, type ContractCase } from './contracts/contract-case.ts';
export {
  BAD_TOKENS,
  badCallbackUrl,
  delivery,
  signedDelivery,
  TEST_SECRET,
  type BadToken,
} from './samples/signed-delivery.ts';
export { createFakeInbox, type FakeInbox } from './fakes/create-fake-inbox.ts';
export { inboxContract } from './contracts/inbox/inbox-contract.ts';
export type { InboxSubject } from './contracts/inbox/inbox-subject.ts';
export { createManualClock, type ManualClock } from './fakes/create-manual-clock.ts';
export { sampleEvents, type SampleEvent, type SampleOptions } from './samples/sample-events.ts';
export { storeContract } from './contracts/store/store-contract.ts';
export { createTestEntry } from './samples/create-test-entry.ts';
export type { StoreSubject } from './contracts/store/store-subject.ts';
