import { createReceiver, WebhookError, type TaskResultClient } from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { sampleEvents, signedDelivery, TEST_SECRET } from '@novita-webhooks/testing';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';

import {
  findPostgres,
  findRedis,
  temporaryDatabase,
  temporaryRedis,
} from '../../../test/support/services.ts';
import { deadEntry, sqliteWith, toLines } from './support/entries.ts';
import { run, start, startOnTerminal, temporaryFolder } from './support/run.ts';

const ENTRIES = [
  deadEntry('task-1', { metadata: { orderId: 42 } }),
  deadEntry('task-2', { reason: 'HTTP 503 from storage', testMode: true }),
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

test.runIf(redis !== undefined)(
  'inbox: on Redis, names the prefixes that hold no entry',
  async () => {
    const database = await temporaryRedis(redis ?? '');
    onTestFinished(() => database.remove());
    const address = `${database.url}?queueNamePrefix=typo`;
    for (const command of ['list', 'stats']) {
      const { code, stderr } = await run(['inbox', command, '--inbox', address]);
      expect(code).toBe(0);
      expect(stderr).toContain('Redis has no entry with prefix bull and queueNamePrefix typo.');
    }
    const full = `${database.url}?queueNamePrefix=right`;
    const stdin = toLines([deadEntry('task-1')]).join('\n');
    await run(['inbox', 'import', '-', '--inbox', full], { stdin });
    const none = await run(['inbox', 'list', '--state', 'pending', '--inbox', full]);
    expect(none).toEqual({ code: 0, stdout: '', stderr: '' });
  },
);

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
    expect(grouped.groups).toMatchObject([{ count: 2, errorGroup: 'HTTP 503 from storage' }]);

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

describe('inbox list', () => {
  const list = (address: string, ...args: string[]) => run(['inbox', address, 'list', ...args]);

  test('prints a line for each entry, separated by tabs, if it is piped', async () => {
    const { address } = await sqliteWith([deadEntry('task-1', { reason: 'bad\u001b[31m\ttext' })]);
    const { code, stdout, stderr } = await list(address);
    const line =
      'task-1\tdead\tTXT_TO_IMG\tSUCCEED\t1\t2026-01-02T03:04:05Z\tnovita\tbad [31m text\n';
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: line, stderr: '' });
  });

  test('prints nothing for an empty inbox', async () => {
    const { address } = await sqliteWith([]);
    expect(await list(address)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(JSON.parse((await list(address, '--json')).stdout)).toMatchObject({ entries: [] });
  });

  test.each<readonly [string[], string[]]>([
    [
      ['--state', 'done,pending'],
      ['task-4', 'task-3'],
    ],
    [['--task-type', 'WAN_TXT_TO_VIDEO'], ['task-3']],
    [['--endpoint', 'other'], ['task-4']],
    [
      ['--reason-contains', '503', '--status', 'succeed', '--state', 'dead', '--no-test-events'],
      ['task-1'],
    ],
    [['--metadata', 'orderId=42'], ['task-1']],
    [['--metadata', 'orderId="42"'], []],
    [
      ['--same-error-as', 'task-2', '--no-test-events'],
      ['task-4', 'task-1'],
    ],
    [['--test-events'], ['task-2']],
    [['--no-schema-errors', '--task-id-contains', '-3'], ['task-3']],
    [['--received-from', '1h'], []],
    [
      [
        '--received-from',
        '2026-01-02 03:04:05',
        '--received-to',
        '2026-01-02T03:04:05.001Z',
        '--limit',
        '1',
      ],
      ['task-4'],
    ],
    [
      ['--finished-from', '2026-01-02', '--finished-to', '2026-01-03', '--order', 'oldest'],
      ['task-1', 'task-2', 'task-3'],
    ],
  ])('%j chooses %j', async (args, ids) => {
    const { address } = await sqliteWith(ENTRIES);
    const { stdout } = await list(address, ...args);
    expect(
      stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split('\t')[0]),
    ).toEqual(ids);
  });

  test('prints a table that fits a terminal, and how to go on', async () => {
    const reason = 'a long reason '.repeat(20);
    const { address } = await sqliteWith([deadEntry('task-1'), deadEntry('task-2', { reason })]);
    const terminal = startOnTerminal(['inbox', address, 'list', '--limit', '1']);
    expect(await terminal.end).toBe(0);
    expect(terminal.output()).toMatch(/TASK ID +STATE/);
    expect(terminal.output()).toMatch(/task-2 [^]*…[^]*1 entry\. More: add --cursor \d+/);
    const lines = stripVTControlCharacters(terminal.output()).split(/[\r\n]+/);
    expect(Math.max(...lines.map((line) => line.length))).toBe(100);
  });

  test('colours only on a terminal without NO_COLOR', async () => {
    const { address } = await sqliteWith([deadEntry('task-1')]);
    const coloured = startOnTerminal(['inbox', address, 'stats']);
    await coloured.end;
    expect(coloured.output()).toContain('\u001b[31m');
    const plain = startOnTerminal(['inbox', address, 'stats'], { env: { NO_COLOR: '1' } });
    await plain.end;
    expect(plain.output()).not.toContain('\u001b[31m');
  });
});

test.each(['list', 'groups'])('inbox %s fits a terminal of 80 columns', async (name) => {
  const id = '1c905d82-b3de-416c-b243-7a60fbb8ea0a';
  const { address } = await sqliteWith([
    ...(name === 'list' ? [deadEntry(`submission:${'k'.repeat(90)}`)] : []),
    deadEntry(id),
  ]);
  const terminal = startOnTerminal(['inbox', address, name], { columns: 80 });
  expect(await terminal.end).toBe(0);
  const lines = stripVTControlCharacters(terminal.output()).split(/[\r\n]+/);
  const line = lines.find((it) => it.includes(id)) ?? '';
  expect(lines.join('\n')).toMatch(/ AGE +/);
  expect(line).toMatch(/\d+ d( |$)/);
  expect(line).toMatch(name === 'list' ? /dead .*HTTP 503 from storage/ : /HTTP 503 from storage/);
  expect(line.length).toBeLessThanOrEqual(80);
});

describe('replay of task ids', () => {
  const replay = (address: string, ...args: string[]) => run(['inbox', address, 'replay', ...args]);

  test('--dry-run says what would be replayed, and changes nothing', async () => {
    const done = { state: 'done', reason: null } as const;
    const { address } = await sqliteWith([deadEntry('task-1'), deadEntry('task-2', done)]);
    const dry = await replay(address, 'task-1', 'task-2', '--dry-run');
    const text =
      'task-1: would be replayed\n' +
      'task-2: would be replayed: it was done, so all its handlers run again\nNothing was changed.\n';
    expect(dry).toEqual({ code: 0, stdout: text, stderr: '' });
    const json = await replay(address, 'task-1', 'x', '--dry-run', '--json');
    const result = { dryRun: true, replayed: ['task-1'], skipped: ['x'] };
    expect([json.code, JSON.parse(json.stdout)]).toEqual([1, result]);
    const { stdout } = await run(['inbox', address, 'stats', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ dead: 1, done: 1, pending: 0 });
  });

  test('a second one says that the first one waits for a worker', async () => {
    const { address } = await sqliteWith([deadEntry('task-1')]);
    expect((await replay(address, 'task-1')).stdout).toBe('task-1: replayed\n');
    const { code, stderr } = await replay(address, 'task-1');
    expect([code, stderr]).toEqual([
      1,
      'task-1: is pending: already replayed, waits for a worker\n',
    ]);
  });
});

test('replay --handlers takes the name that inbox show prints, of one entry and of many', async () => {
  const [one, other] = ['succeeded#1/1:l5qh6p', 'succeeded#1/2:older1'];
  const shown = 'onTaskSucceeded #1';
  const { address } = await sqliteWith([
    deadEntry('task-1', { succeededHandlers: [one] }),
    deadEntry('task-2', { succeededHandlers: [other, 'save'] }),
  ]);
  const inbox = (...args: string[]) => run(['inbox', address, ...args]);
  const shownAs = async (id: string): Promise<unknown> =>
    JSON.parse((await inbox('show', id, '--json')).stdout);
  const replayed = await inbox('replay', 'task-1', '--handlers', shown);
  expect(replayed.stdout).toBe('task-1: replayed\n');
  const partialReplay = { handlers: [shown, one] };
  expect(await shownAs('task-1')).toMatchObject({ succeededHandlers: [], partialReplay });
  const many = await inbox('replay', '--all', '--yes', '--handlers', shown);
  expect(many.stdout).toBe('replayed 1 entry\n');
  expect(await shownAs('task-2')).toMatchObject({
    succeededHandlers: ['save'],
    partialReplay: { handlers: [shown, other] },
  });
});

test('inbox show prints attempts, errors and, if asked, the payload', async () => {
  const { address } = await sqliteWith([deadEntry('task-1', { metadata: { orderId: 42 } })]);
  const { stdout } = await run(['inbox', address, 'show', 'task-1', '--body']);
  expect(stdout).toMatch(/^metadata {6}\{"orderId":42\}$/m);
  expect(stdout).toContain('2026-01-02T03:04:05Z  attempt 1 (delivery): dead after 12 ms');
  expect(stdout).toContain('    save: Error: HTTP 503\n');
  expect(stdout).toContain('    "task_id": "task-1"');
});

/** Options of a receiver that asks the Task Result API about each event in the file of a folder. */
const confirming = (folder: string, getPayload: TaskResultClient['getPayload']) => ({
  ...{ url: 'https://hooks.example.com/novita', secret: TEST_SECRET, logger: false as const },
  inbox: sqliteInbox({ path: join(folder, 'webhooks.db') }),
  confirm: true,
  taskResults: { get: () => expect.unreachable('get is not used'), getPayload },
});

test('inbox show and list tell if the API contradicted the event, after a run of the worker', async () => {
  const { address, folder } = await sqliteWith([]);
  const [said, other] = ['task-1', 'task-2'];
  const statuses: string[] = [];
  const receiver = createReceiver({
    ...confirming(folder, async (taskId) => sampleEvents.imageSucceeded({ taskId }).payload),
    onTaskFinished: ({ task }) => void statuses.push(task.status),
  });
  const events = [
    sampleEvents.failed({ taskId: said }),
    sampleEvents.imageSucceeded({ taskId: other }),
  ];
  for (const event of events) await receiver.handle(await signedDelivery(receiver, event));
  await receiver.idle();
  await receiver.close();
  expect(statuses).toEqual(['TASK_STATUS_SUCCEED', 'TASK_STATUS_SUCCEED']);
  const show = async (id: string) => (await run(['inbox', address, 'show', id])).stdout;
  const shown = await show(said);
  expect(shown).toMatch(/^status +TASK_STATUS_FAILED \(contradicted\)$/m);
  expect(shown).toMatch(/^handled as +what the Task Result API said/m);
  expect(shown).toMatch(/confirm: Disagreement: .*TASK_STATUS_FAILED.*TASK_STATUS_SUCCEED/);
  expect(await show(other)).not.toContain('contradicted');
  const { stdout } = await run(['inbox', address, 'list']);
  expect(stdout).toMatch(/^task-1\tdone\t.*\tFAILED \(contradicted\)\t/m);
  expect(stdout).toMatch(/^task-2\tdone\t.*\tSUCCEED\t/m);
});

test('inbox show and list tell why an entry waits for the Task Result API', async () => {
  const { address, folder } = await sqliteWith([]);
  const refuse = () => Promise.reject(new WebhookError('api_key_rejected', 'it answered 401'));
  const receiver = createReceiver({
    ...confirming(folder, refuse),
    onTaskFinished: () => expect.unreachable('nothing is confirmed'),
  });
  const event = sampleEvents.imageSucceeded({ taskId: 'task-1' });
  await receiver.handle(await signedDelivery(receiver, event));
  const key = { endpoint: 'novita', taskId: 'task-1' };
  while ((await receiver.inbox.get(key))?.reason == null) await pause(20);
  await receiver.close();
  const reason = 'waiting for the Task Result API: it answered 401 (api_key_rejected)';
  const { stdout } = await run(['inbox', address, 'show', 'task-1']);
  expect(stdout).toMatch(/^state +pending$/m);
  expect(stdout).toContain(reason);
  expect((await run(['inbox', address, 'list'])).stdout).toContain(reason);
  const grouped = await run(['inbox', address, 'groups', '--state', 'pending', '--json']);
  expect(JSON.parse(grouped.stdout)).toMatchObject({ groups: [{ count: 1, example: { reason } }] });
});

test('inbox show prints names of handlers for people, and none if there is none', async () => {
  const [first, second] = ['finished#1/1:1x2y3z', 'send-mail'];
  const { address } = await sqliteWith([
    deadEntry('task-1', { succeededHandlers: [first, second] }),
    deadEntry('task-2'),
  ]);
  const show = async (id: string) => (await run(['inbox', address, 'show', id])).stdout;
  expect(await show('task-1')).toMatch(/^succeeded {5}onTaskFinished #1, send-mail$/m);
  expect(await show('task-2')).not.toContain('succeeded');
});

test('the record of a submit call with a key is submitted, not done', async () => {
  const done = { state: 'done', reason: null } as const;
  const { address } = await sqliteWith([
    deadEntry('submission:order-42', { ...done, source: 'expectation' }),
    deadEntry('task-1', done),
  ]);
  const { stdout } = await run(['inbox', address, 'list']);
  expect(stdout).toMatch(/^submission:order-42\tsubmitted\t/m);
  expect(stdout).toMatch(/^task-1\tdone\t/m);
  const shown = await run(['inbox', address, 'show', 'submission:order-42']);
  expect(shown.stdout).toMatch(/^state {9}submitted$/m);
});

test.runIf(postgres !== undefined)(
  'a command that looks creates no tables in a schema that exists',
  async () => {
    const database = await temporaryDatabase(postgres ?? '');
    onTestFinished(() => database.remove());
    const env = { NOVITA_INBOX: `${database.url}?schema=public` };
    for (const command of ['stats', 'list', 'export']) {
      const { code, stderr } = await run(['inbox', command], { env });
      expect([command, code, stderr]).toEqual([
        command,
        3,
        expect.stringContaining('no inbox in the schema public'),
      ]);
    }
  },
);

describe('errors of inbox commands', () => {
  test.each<readonly [string[], number, RegExp]>([
    [['stats'], 2, /^novita-webhooks: no inbox is named\. Pass --inbox .* set NOVITA_INBOX\.$/],
    [['stats', '--inbox', 'x.db'], 2, /Did you mean sqlite:x\.db\?$/],
    [
      ['stats', '--inbox', 'sqlite:missing.db'],
      3,
      /there is no file missing\.db\. .*Check the path/,
    ],
    [['stats', '--inbox', 'sqlite:'], 2, /sqlite: names no file/],
    [['stats', '--inbox', 'sqlite:other.db'], 3, /other\.db is a database without an inbox/],
    [['stats', '--inbox', 'sqlite:text.db'], 3, /text\.db: it is damaged or not a SQLite database/],
    [
      ['stats', '--inbox', 'postgres://me:pw@127.0.0.1:1/x'],
      3,
      /ECONNREFUSED 127\.0\.0\.1:1\. Check/,
    ],
    [['stats', '--inbox', 'redis://me:pw@127.0.0.1:1'], 3, /Redis cannot be reached/],
    [['show', 'x'], 1, /the endpoint novita has no entry x\. Compare the id/],
    [['list', '--same-error-as', 'x'], 1, /there is no entry x/],
    [['list', '--status', 'nonsense'], 2, /Pass succeed, failed, or a whole name/],
    [
      ['stats', '--inbox', 'postgres://127.0.0.1/x?scheme=y'],
      2,
      /parameter scheme is unknown\. Of the inbox: schema\./,
    ],
    [
      ['stats', '--inbox', 'redis://127.0.0.1?prefixes=y'],
      2,
      /prefixes is unknown\. Of the inbox: prefix, queueNamePrefix/,
    ],
    [['stats', '--inbox', 'redis://127.0.0.1?prefix=y&prefix=z'], 2, /prefix is given twice/],
    [['stats', '--inbox', 'postgres://127.0.0.1:1/x?sslmode=disable&schema=y'], 3, /ECONNREFUSED/],
    [['list', '--state', 'dying'], 2, /Pass some of expected,pending,running,done,dead/],
    [['list', '--received-from', 'yesterday'], 2, /Pass a time in UTC/],
    [['list', '--metadata', 'orderId'], 2, /Pass key=value/],
    [['list', '--cursor', 'x'], 2, /cursor/],
    [['lst'], 2, /Did you mean list/],
    [[], 2, /^Usage: novita-webhooks inbox/],
    [['sqlite:x.db'], 2, /: inbox sqlite:x\.db stats\. .* The commands are stats, list, groups/],
    [['x.db'], 2, /: inbox sqlite:x\.db stats\./],
    [['x.db', 'list'], 2, /: inbox sqlite:x\.db list\./],
    [['groups', 'x.db'], 2, /: inbox sqlite:x\.db groups\. Or pass --inbox sqlite:x\.db\./],
    [['postgres://me:pw@127.0.0.1/x'], 2, /: inbox <address> stats\./],
    [['replay'], 2, /pass task ids, a filter, or --all/],
    [['replay', 'x', '--all'], 2, /exclude each other/],
    [['replay', 'x'], 1, /^x: there is no such entry\./],
    [['discard', 'x'], 1, /^x: there is no such entry\./],
    [['replay', '--all', '--body', 'text.db'], 2, /--body needs exactly one task id/],
    [['replay', 'task-1', '--body', 'text.db'], 4, /--body text\.db: .* must be one JSON object/],
    [['replay', 'task-1', '--body', 'missing.json'], 3, /ENOENT/],
    [['replay', '--all'], 2, /1 entry .*no terminal to ask on\. Pass --yes/],
    [['replay', '--all', '--yes', '--resume', 'text.db'], 4, /was not written by --resume/],
    [['discard', '--all', '--handlers', 'x'], 2, /unknown option/],
    [['import', 'missing.ndjson'], 3, /missing\.ndjson cannot be used: .*does not exist/],
    [
      ['import', 'text.db'],
      4,
      /line 1 is no entry: it is not JSON.*\. The entries before it are added/,
    ],
    [['export', 'text.db'], 2, /text\.db exists\. Name another file, or pass --force/],
    [['export', 'missing/entries.ndjson'], 3, /ENOENT/],
  ])('%j exits with %i', async (args, code, message) => {
    const { folder, address } = await sqliteWith([deadEntry('task-1')]);
    await writeFile(join(folder, 'text.db'), 'not a database');
    await writeFile(join(folder, 'other.db'), '');
    const isOwn = args.includes('--inbox') || args[0] === 'stats';
    const env = isOwn ? {} : { NOVITA_INBOX: address };
    const result = await run(['inbox', ...args], { cwd: folder, env });
    expect(result.stderr.trim()).toMatch(message);
    expect(result.stderr).not.toMatch(/me:pw|\n {4}at /);
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(await readFile(join(folder, 'other.db'), 'utf8')).toBe('');
  });

  test('are JSON with --json', async () => {
    const { stderr, code } = await run([
      'inbox',
      'show',
      'x',
      '--inbox',
      'sqlite:missing.db',
      '--json',
    ]);
    expect(JSON.parse(stderr)).toMatchObject({ error: { category: 'unavailable' } });
    expect(code).toBe(3);
    const wrong = await run(['inbox', 'list', '--limit', '0', '--json']);
    expect(JSON.parse(wrong.stderr)).toMatchObject({
      error: { category: 'usage', message: expect.stringMatching(/^option '--limit/) as string },
    });
  });
});

describe('bulk actions', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => deadEntry(`task-${index}`));
  /** Read here: a command takes longer to start than a replay of thousands takes. */
  const dead = async (address: string) => {
    const inbox = sqliteInbox({ path: address.slice('sqlite:'.length) });
    const stats = await inbox.stats();
    await inbox.close();
    return stats.dead;
  };

  test('--dry-run counts and changes nothing', async () => {
    const { address } = await sqliteWith(many(3));
    const args = ['inbox', address, 'discard', '--received-to', '1d', '--limit', '2', '--dry-run'];
    const { code, stdout } = await run(args);
    expect(stdout).toMatch(
      /^discard: 2 entries of 3 \(state dead, received-to 20.*Nothing was changed\.$/m,
    );
    expect([code, await dead(address)]).toEqual([0, 3]);
    expect(JSON.parse((await run([...args, '--json'])).stdout)).toEqual({
      dryRun: true,
      matched: 2,
    });
  });

  test('acts on no entry that does not match, also with a limit', async () => {
    const { address } = await sqliteWith([...many(3), deadEntry('keep', { reason: 'other' })]);
    const args = ['--reason-contains', '503', '--limit', '2', '--yes'];
    const { stdout } = await run(['inbox', address, 'discard', ...args]);
    expect([stdout, await dead(address)]).toEqual(['discarded 2 entries\n', 2]);
  });

  test('says that there is nothing to do', async () => {
    const { address } = await sqliteWith([]);
    const { code, stdout } = await run(['inbox', address, 'replay', '--all']);
    expect([code, stdout]).toEqual([0, 'replay: 0 entries (state dead). Nothing to do.\n']);
  });

  test('asks on a terminal, and a no changes nothing', async () => {
    const { address } = await sqliteWith(many(3));
    for (const [answer, code, left] of [
      ['n\r', 1, 3],
      ['\u0004', 1, 3],
      ['\u0003', 130, 3],
      ['y\r', 0, 0],
    ] as const) {
      const terminal = startOnTerminal(['inbox', address, 'discard', '--all']);
      await terminal.printed(/discard: 3 entries \(state dead\)\. Continue\? \[y\/N\] /);
      terminal.type(answer);
      expect([answer, await terminal.end]).toEqual([answer, code]);
      expect(await dead(address)).toBe(left);
    }
  });

  test('does not ask in CI', async () => {
    const { address } = await sqliteWith(many(1));
    const terminal = startOnTerminal(['inbox', address, 'discard', '--all'], {
      env: { CI: 'true' },
    });
    expect(await terminal.end).toBe(2);
    expect(terminal.output()).toContain('Pass --yes');
  });

  test('Ctrl-C in the middle of a replay loses nothing, and the printed command goes on', async () => {
    const { address } = await sqliteWith(many(20_000));
    const env = { NOVITA_INBOX: address };
    const terminal = startOnTerminal(['inbox', 'replay', '--received-to', '1s', '--yes'], { env });
    await terminal.printed(/replayed \d+00 of 20,000/);
    terminal.type('\u0003');
    expect(await terminal.end).toBe(130);
    const output = stripVTControlCharacters(terminal.output()).replaceAll('\r\n', ' ');
    const [, words = ''] =
      /To go on: novita-webhooks (inbox replay .*--cursor \S+)/.exec(output) ?? [];
    const left = await dead(address);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(20_000);
    const resumed = await run([...words.split(' '), '--yes', '--json'], { env });
    expect(JSON.parse(resumed.stdout)).toMatchObject({ replayed: left, skipped: 0, cursor: null });
    expect(await dead(address)).toBe(0);
  });

  test.each([
    ['--received-to', '1s'],
    ['--same-error-as', 'task-19999'], // the newest: it is replayed first, and has no error then
  ])(
    'a killed replay of %s goes on with --resume, and only with the same filter',
    async (...filter) => {
      const { address, folder } = await sqliteWith(many(20_000));
      const options = { cwd: folder, env: { NOVITA_INBOX: address } };
      const args = ['inbox', 'replay', ...filter, '--yes', '--resume', 'place.json'];
      const killed = start(args, options);
      await expect.poll(() => dead(address), { interval: 10 }).toBeLessThan(20_000);
      killed.kill('SIGKILL');
      await killed.end;
      const left = await dead(address);
      expect(left).toBeGreaterThan(0);
      for (const change of [['--test-events'], ['--handlers', 'save']]) {
        const other = await run([...args, ...change], options);
        expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('another replay')]);
      }
      const resumed = await run([...args, '--json'], options);
      expect(JSON.parse(resumed.stdout)).toMatchObject({ cursor: null });
      expect(await dead(address)).toBe(0);
      expect(await readdir(folder)).not.toContain('place.json');
    },
  );

  test('SIGTERM ends it with 143', async () => {
    const { address } = await sqliteWith(many(20_000));
    const command = start(['inbox', address, 'replay', '--all', '--yes']);
    await expect.poll(() => dead(address), { interval: 10 }).toBeLessThan(20_000);
    command.kill('SIGTERM');
    const { code, stderr } = await command.end;
    expect([code, stderr]).toEqual([143, expect.stringMatching(/^Interrupted.*--cursor/)]);
  });

  test('--status takes the word that list prints', async () => {
    const { address } = await sqliteWith(many(1));
    const { stdout } = await run(['inbox', address, 'list', '--status', 'SUCCEED']);
    expect(stdout).toMatch(/\tSUCCEED\t/);
  });

  test('two at the same time replay each entry once', async () => {
    const { address } = await sqliteWith(many(1000));
    const args = ['inbox', address, 'replay', '--all', '--yes', '--json'];
    const results = await Promise.all([run(args), run(args)]);
    const counts = results.map(
      ({ stdout }) => (JSON.parse(stdout) as { replayed?: number }).replayed ?? 0,
    );
    expect(counts.reduce((sum, count) => sum + count)).toBe(1000);
  });
});

describe('export and import', () => {
  test('a file appears when it is complete, and an import may be repeated', async () => {
    const { address, folder } = await sqliteWith(ENTRIES);
    const options = { cwd: folder };
    const exported = await run(['inbox', address, 'export', 'entries.ndjson'], options);
    expect(exported.stdout).toBe('exported 4 entries to entries.ndjson\n');
    const again = ['inbox', 'sqlite:moved.db', 'import', 'entries.ndjson'];
    expect((await run(again, options)).stdout).toBe('added 4 entries\n');
    expect((await run(again, options)).stdout).toBe('added 0 entries, 4 were there already\n');
  });

  test('an interrupted export leaves no file', async () => {
    const body = JSON.stringify({ task: {}, text: 'x'.repeat(100_000) });
    const entries = Array.from({ length: 500 }, (_, index) => deadEntry(`task-${index}`, { body }));
    const { address, folder } = await sqliteWith(entries);
    const terminal = startOnTerminal(['inbox', address, 'export', 'all.ndjson'], { cwd: folder });
    await terminal.printed(/exported \d/);
    terminal.type('\u0003');
    expect(await terminal.end).toBe(130);
    expect(terminal.output()).toContain('all.ndjson was not written');
    expect((await readdir(folder)).filter((file) => file.startsWith('all'))).toEqual([]);
  });

  test('a closed pipe ends an export without an error', async () => {
    const entries = Array.from({ length: 2000 }, (_, index) => deadEntry(`task-${index}`));
    const { address } = await sqliteWith(entries);
    const command = start(['inbox', address, 'export']);
    await command.printed(/task-0/);
    command.closeStdout();
    const { code, stderr } = await command.end;
    expect([code, stderr]).toEqual([0, '']);
  });

  test('a half-written file is added up to the broken line', async () => {
    const { folder, address } = await sqliteWith([]);
    const lines = toLines(ENTRIES).join('\n');
    await writeFile(join(folder, 'half.ndjson'), lines.slice(0, -20));
    const { code, stderr } = await run(['inbox', address, 'import', 'half.ndjson'], {
      cwd: folder,
    });
    expect([code, stderr]).toEqual([
      4,
      expect.stringMatching(/line 4 is no entry: it is not JSON/),
    ]);
    const { stdout } = await run(['inbox', address, 'list', '--json']);
    expect((JSON.parse(stdout) as { entries: unknown[] }).entries).toHaveLength(3);
  });

  test('an export that PowerShell 5 has redirected is imported', async () => {
    const { folder, address } = await sqliteWith([]);
    const text = `\ufeff${toLines([deadEntry('ä-1'), deadEntry('ä-2')]).join('\r\n')}\r\n`;
    await writeFile(join(folder, 'utf16.ndjson'), Buffer.from(text, 'utf16le'));
    const options = { cwd: folder };
    const { stdout } = await run(['inbox', address, 'import', 'utf16.ndjson'], options);
    expect(stdout).toBe('added 2 entries\n');
    expect((await run(['inbox', address, 'list'])).stdout).toMatch(/^ä-2\t.*\nä-1\t/);
  });

  test('an interrupted import adds what it has read', async () => {
    const { address } = await sqliteWith([]);
    const command = start(['inbox', address, 'import', '-'], { stdin: null });
    const entries = Array.from({ length: 60 }, (_, index) => deadEntry(`task-${index}`));
    command.write(`${toLines(entries).join('\n')}\n`);
    const count = async () => {
      const { stdout } = await run(['inbox', address, 'stats', '--json']);
      return (JSON.parse(stdout) as { dead: number }).dead;
    };
    await expect.poll(count).toBe(50); // one batch
    command.kill('SIGINT');
    const { code, stderr, stdout } = await command.end;
    expect([code, stdout]).toEqual([130, 'added 60 entries\n']);
    expect(stderr).toBe(
      'Interrupted after 60 lines. Repeat the command: entries that are there are not changed.\n',
    );
    expect(await count()).toBe(60);
  });
});

test('a replay with --body replaces the payload, and runs the named handlers', async () => {
  const entry = deadEntry('task-1', { schemaError: 'task: is missing', body: '{}' });
  const { address, folder } = await sqliteWith([entry]);
  const task = { task_id: 'task-1', status: 'TASK_STATUS_SUCCEED', task_type: 'TXT_TO_IMG' };
  await writeFile(join(folder, 'body.json'), JSON.stringify({ task }));
  const args = [
    'inbox',
    address,
    'replay',
    'task-1',
    '--body',
    'body.json',
    '--handlers',
    'save,mail',
  ];
  expect(await run(args, { cwd: folder })).toMatchObject({ code: 0, stdout: 'task-1: replayed\n' });
  const { stdout } = await run(['inbox', address, 'show', 'task-1', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ state: 'pending', schemaError: null, originalBody: '{}' },
    partialReplay: { handlers: ['save', 'mail'] },
  });
});

test.each([[[]], [['--help']], [['inbox', '--help']], [['inbox', 'replay', '--help']]])(
  '%j prints help with exit code 0',
  async (args) => {
    const { code, stdout, stderr } = await run(args);
    expect(stdout).toMatch(/^Usage: novita-webhooks/);
    expect([code, stderr]).toEqual([0, '']);
  },
);
