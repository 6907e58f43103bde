import { addCases } from './add.ts';
import { boundTokenCases } from './bound-token.ts';
import type { EntryCase } from './entry-port.ts';
import { expectationCases } from './expectation.ts';
import { getCases } from './get.ts';
import { listCases } from './list.ts';

/** What every store and every inbox must do, with or without a consumer. */
export const entryContract: readonly EntryCase[] = [
  ...addCases,
  ...expectationCases,
  ...boundTokenCases,
  ...listCases,
  ...getCases,
];
