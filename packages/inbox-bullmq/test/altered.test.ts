import { createRequire } from 'node:module';

import { afterAll, describe, expect, test, vi } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import { createAlteredBullmq } from './support/altered-bullmq.ts';
import { describeContracts } from './support/contract.ts';

const url = await findRedis('the BullMQ inbox on a BullMQ that was altered');
const altered = vi.hoisted(() => ({ main: '', remove: () => undefined }));

vi.mock('bullmq', () => {
  Object.assign(altered, createAlteredBullmq());
  return createRequire(import.meta.url)(altered.main) as object;
});

afterAll(() => {
  altered.remove();
});

describe.skipIf(url === undefined)(
  'on a BullMQ whose scripts and inner methods were altered',
  () => {
    test('BullMQ has other inner methods and scripts', async () => {
      const { RedisQueueBackend } = await import('bullmq');
      expect(RedisQueueBackend.prototype).toMatchObject({
        _execCommand: expect.any(Function) as unknown,
      });
      expect(RedisQueueBackend.prototype).not.toHaveProperty('execCommand');
      expect(RedisQueueBackend.prototype).not.toHaveProperty('moveToFinishedArgs');
    });

    describeContracts(
      url ?? '',
      'the store on an altered BullMQ',
      'the inbox on an altered BullMQ',
    );
  },
);
