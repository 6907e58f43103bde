export { adapterContract } from './contracts/adapter/index.ts';
export type { AdapterServer, AdapterSubject, Before } from './contracts/adapter/subject.ts';
export { addOnlyContract, type AddOnlySubject } from './contracts/add-only/index.ts';
export { runCase, type ContractCase } from './contracts/contract-case.ts';
export {
  BAD_TOKENS,
  badCallbackUrl,
  delivery,
  signedDelivery,
  TEST_SECRET,
  type BadToken,
} from './samples/deliveries.ts';
export { createFakeInbox, type FakeInbox } from './fakes/fake-inbox.ts';
export { inboxContract } from './contracts/inbox/index.ts';
export type { InboxSubject } from './contracts/inbox/subject.ts';
export { createManualClock, type ManualClock } from './fakes/manual-clock.ts';
export { sampleEvents, type SampleEvent, type SampleOptions } from './samples/sample-events.ts';
export { storeContract } from './contracts/store/index.ts';
export { createTestEntry } from './samples/test-entry.ts';
export type { StoreSubject } from './contracts/store/subject.ts';
