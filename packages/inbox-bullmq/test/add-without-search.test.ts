import { describe, expect, test, vi } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import { createTestEntry, useInbox, usePlace } from './support/inbox.ts';

const url = (await findRedis('adding where the script finds no data')) ?? '';
const search = vi.hoisted(() => vi.fn());

vi.mock('../src/connection/scripts.ts', async (original) => ({
  ...(await original<object>()),
  search: search.mockImplementation((_, keys: readonly string[]) =>
    Promise.resolve(keys.map(() => false)),
  ),
}));

describe.skipIf(url === '')('add: where the script finds no data', () => {
  test('of copies one is added: BullMQ returns the job', async () => {
    const place = usePlace(url);
    const inboxes = [useInbox(url, place), useInbox(url, place)];
    const entries = Array.from({ length: 20 }, () => createTestEntry());
    const answers = await Promise.all(
      [...entries, ...entries].flatMap((entry) => inboxes.map((inbox) => inbox.add(entry))),
    );
    expect(search).toHaveBeenCalled();
    expect(answers.filter((answer) => answer === 'added')).toHaveLength(entries.length);
    expect(answers.filter((answer) => answer === 'duplicate')).toHaveLength(3 * entries.length);
  });
});
