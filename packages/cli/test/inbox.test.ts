import { describe, expect, onTestFinished, test } from 'vitest';

import {
  findPostgres,
  findRedis,
  temporaryDatabase,
  temporaryRedis,
} from '../../../test/support/services.ts';
import { deadEntry, sqliteWith, toLines } from './support/entries.ts';
import { run, temporaryFolder } from './support/run.ts';

const ENTRIES = [
  deadEntry('task-1', { metadata: { orderId: 42 } }),
  deadEntry('task-2', { reason: 'HTTP 500 from storage', testMode: true }),
  deadEntry('task-3', { state: 'done', reason: null, taskType: 'WAN_TXT_TO_VIDEO' }),
  deadEntry('task-4', { state: 'pending', finishedAt: null, dueAt: 0, endpoint: 'other' }),
];

const [postgres, redis] = await Promise.all([
  findPostgres('inbox commands on PostgreSQL'),
  findRedis('inbox commands on BullMQ'),
]);

interface Engine {
  readonly name: string;
  readonly isFound: boolean;
  readonly address: () => Promise<string>;
}

const engines: readonly Engine[] = [
  {
    name: 'sqlite',
    isFound: true,
    address: async () => `sqlite:${await temporaryFolder()}/webhooks.db`,
  },
  {
    name: 'postgres',
    isFound: postgres !== undefined,
    async address() {
      const database = await temporaryDatabase(postgres ?? '');
      onTestFinished(() => database.remove());
      return `${database.url}?schema=webhooks`;
    },
  },
  {
    name: 'bullmq',
    isFound: redis !== undefined,
    async address() {
      const database = await temporaryRedis(redis ?? '');
      onTestFinished(() => database.remove());
      return `${database.url}?queueNamePrefix=webhooks`;
    },
  },
];

describe.each(engines)('inbox on $name', ({ isFound, address: createAddress }) => {
  test.runIf(isFound)('imports, shows, replays, discards and exports entries', async () => {
    const address = await createAddress();
    const inbox = (...args: string[]) =>
      run(['inbox', ...args], { env: { NOVITA_INBOX: address } });
    const stdin = toLines(ENTRIES).join('\n');
    const imported = await run(['inbox', address, 'import', '-', '--json'], { stdin });
    expect(imported).toEqual({ code: 0, stdout: '{"added":4,"duplicates":0}\n', stderr: '' });

    const stats = await inbox('stats', '--json');
    expect(JSON.parse(stats.stdout)).toMatchObject({ pending: 1, running: 0, done: 1, dead: 2 });

    const listed = await inbox('list', '--metadata', 'orderId=42', '--json');
    expect(JSON.parse(listed.stdout)).toMatchObject({
      entries: [{ taskId: 'task-1', state: 'dead', body: '' }],
      cursor: null,
    });

    const grouped = JSON.parse((await inbox('groups', '--json')).stdout) as { groups: unknown[] };
    expect(grouped.groups).toMatchObject([{ count: 2, errorGroup: 'HTTP <n> from storage' }]);

    const shown = JSON.parse((await inbox('show', 'task-1', '--json')).stdout) as object;
    expect(shown).toMatchObject({ ...ENTRIES[0], body: expect.any(String) as string });

    expect(await inbox('replay', 'task-1')).toEqual({
      code: 0,
      stdout: 'task-1: replayed\n',
      stderr: '',
    });
    const bulk = await inbox('replay', '--same-error-as', 'task-2', '--yes', '--json');
    expect(JSON.parse(bulk.stdout)).toEqual({ replayed: 1, matched: 1, skipped: 0, cursor: null });
    const discarded = await inbox('discard', '--endpoint', 'other', '--state', 'pending', '--yes');
    expect(discarded.stdout).toBe('discarded 1 entry\n');

    const exported = await inbox('export', '--state', 'pending,done');
    const ids = exported.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { taskId: string }).taskId);
    expect(ids.sort()).toEqual(['task-1', 'task-2', 'task-3']);
    expect(exported.code).toBe(0);
  });
});
