export { adapterContract } from './adapter-contract/index.ts';
export type { AdapterServer, AdapterSubject, Before } from './adapter-contract/subject.ts';
export { addOnlyContract, type AddOnlySubject } from './add-only-contract.ts';
export { runCase, type ContractCase } from './contract.ts';
export {
  BAD_TOKENS,
  badCallbackUrl,
  delivery,
  signedDelivery,
  TEST_SECRET,
  type BadToken,
} from './deliveries.ts';
export { createFakeInbox, type FakeInbox } from './fake-inbox.ts';
export { inboxContract } from './inbox-contract/index.ts';
export type { InboxSubject } from './inbox-contract/subject.ts';
export { createManualClock, type ManualClock } from './manual-clock.ts';
export { sampleEvents, type SampleEvent, type SampleOptions } from './sample-events.ts';
export { storeContract } from './store-contract/index.ts';
export { newEntry } from './new-entry.ts';
export type { StoreSubject } from './store-contract/subject.ts';
