import { adding } from './add.ts';
import { listing } from './list.ts';
import type { EntryCase } from './entry-subject.ts';

/** What holds for every store and every inbox, whether its entries are handled or not. */
export const entryContract: readonly EntryCase[] = [...adding, ...listing];
