import { describe } from 'vitest';

import { forkProgram } from '../../../test/support/fork-program.ts';
import { findRedis } from '../../../test/support/services.ts';
import { describeContracts } from './support/contract.ts';

const url = await findRedis('the contract of stores and inboxes, by the BullMQ inbox');

describe.skipIf(url === undefined)('with Redis', () => {
  const program = new URL('support/contract-process.ts', import.meta.url);
  const startProcess = (prefix: string) => forkProgram(program, [url ?? '', prefix]);
  describeContracts(url ?? '', 'the store on BullMQ', 'the BullMQ inbox', startProcess);
});
