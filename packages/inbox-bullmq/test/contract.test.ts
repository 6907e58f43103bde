import { describe } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import { describeContracts } from './support/contract.ts';

const url = await findRedis('the contract of stores and inboxes, by the BullMQ inbox');

describe.skipIf(url === undefined)('with Redis', () => {
  describeContracts(url ?? '', 'the store on BullMQ', 'the BullMQ inbox');
});
