import { entryContract } from '../entry/entry-contract.ts';
import { casesFor } from '../entry/entry-subject.ts';
import { adding } from './add.ts';
import { claiming } from './claim.ts';
import { operating } from './replay.ts';
import { settling } from './settle.ts';
import type { StoreCase, StoreSubject } from './store-subject.ts';
import { transacting } from './transaction.ts';

/** What every `Store` has to do. The subject of each case is a store of its own. */
export const storeContract: readonly StoreCase[] = [
  ...casesFor(entryContract, ({ store }: StoreSubject) => store),
  ...adding,
  ...claiming,
  ...settling,
  ...transacting,
  ...operating,
];
