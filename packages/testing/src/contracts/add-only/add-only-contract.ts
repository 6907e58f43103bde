import assert from 'node:assert/strict';

import type { AddOnlyCase } from './add-only-subject.ts';
import { addCases } from './add.ts';

/**
 * What every inbox of `addOnlyInbox` must do: one case per requirement. Each case needs an empty
 * queue.
 *
 * @example
 * for (const contractCase of addOnlyContract) {
 *   test(contractCase.name, ({ skip }) => runCase(contractCase, openSubject, closeSubject, skip));
 * }
 */
export const addOnlyContract: readonly AddOnlyCase[] = [
  ...addCases,
  {
    name: 'capabilities: addOnly is declared, and stats rejects with not_supported',
    async run({ inbox }) {
      assert.equal(inbox.capabilities.addOnly, true);
      await assert.rejects(inbox.stats(), { code: 'not_supported' });
    },
  },
];
