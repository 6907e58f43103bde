import { entryContract } from '../entry/index.ts';
import { casesFor } from '../entry/subject.ts';
import { adding } from './adding.ts';
import { claiming } from './claiming.ts';
import { operating } from './operating.ts';
import { settling } from './settling.ts';
import type { StoreCase, StoreSubject } from './subject.ts';
import { transacting } from './transacting.ts';

/** What every `Store` has to do. The subject of each case is a store of its own. */
export const storeContract: readonly StoreCase[] = [
  ...casesFor(entryContract, ({ store }: StoreSubject) => store),
  ...adding,
  ...claiming,
  ...settling,
  ...transacting,
  ...operating,
];
