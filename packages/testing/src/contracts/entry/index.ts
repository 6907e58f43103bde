import { adding } from './adding.ts';
import { listing } from './listing.ts';
import type { EntryCase } from './subject.ts';

/** What holds for every store and every inbox, whether its entries are handled or not. */
export const entryContract: readonly EntryCase[] = [...adding, ...listing];
