import { sampleEvents } from '@novita-webhooks/testing';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

import { startReceiverServer } from '../../../test/support/receiver-server.ts';
import { deadEntry, sqliteWith, toLines } from './support/entries.ts';
import { run, startOnTerminal, temporaryFolder } from './support/run.ts';

const SECRET = 'a secret of these tests, long enough to sign';
const env = { NOVITA_WEBHOOK_SECRET: SECRET };

/** A server that keeps the bodies it gets. */
async function startSink(answer: (response: ServerResponse) => void = (it) => it.end()) {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      bodies.push(body);
      answer(response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, bodies };
}

describe('trigger', () => {
  test('delivers an event to a receiver, with metadata and copies', async () => {
    const { url, handled } = await startReceiverServer(SECRET);
    const args = [
      '--images',
      '2',
      '--metadata',
      '{"orderId":42}',
      '--duplicate',
      '1',
      '--concurrent',
      '2',
    ];
    const { code, stdout } = await run(['trigger', url, ...args, '--json'], { env });
    const result = JSON.parse(stdout) as { deliveries: { kind: string; durationMs: number }[] };
    expect(result.deliveries.map(({ kind }) => kind).sort()).toEqual([
      'duplicate',
      'main',
      'parallel',
    ]);
    expect(code).toBe(0);
    await expect.poll(() => handled).toHaveLength(1);
    expect(handled).toMatchObject([{ metadata: { orderId: 42 } }]);
    expect(handled[0]?.result.images).toHaveLength(2);
  });

  test('says what Novita would do next if the answer is no 2xx', async () => {
    const sink = await startSink((response) => response.writeHead(500).end());
    const { code, stdout } = await run(['trigger', sink.url], { env });
    expect(stdout).toMatch(
      /attempt 1: 500 \(\d+ ms\)\. Novita would deliver the event again, up to 5 times/,
    );
    expect(stdout).not.toContain('nwt1.');
    expect(code).toBe(1);
  });

  test('sends the event of a file, an entry, or stdin as it is written', async () => {
    const sink = await startSink();
    const payload =
      '{"task":{"task_id":"big","status":"TASK_STATUS_SUCCEED","seed":12345678901234567890}}';
    const { folder, address } = await sqliteWith([deadEntry('task-1', { body: payload })]);
    const entry = deadEntry('task-1', { body: payload });
    await writeFile(join(folder, 'payload.json'), payload);
    await writeFile(join(folder, 'entry.ndjson'), `${toLines([entry]).join('\n')}\n`);
    const envelope = `{"event_type":"ASYNC_TASK_RESULT","payload":${payload}}`;
    const options = { cwd: folder, env: { ...env, NOVITA_INBOX: address }, stdin: envelope };
    for (const from of ['payload.json', 'entry.ndjson', '-', 'entry:task-1']) {
      const { code, stdout } = await run(['trigger', sink.url, '--from', from], options);
      expect([from, code]).toEqual([from, 0]);
      expect(stdout).toContain('task id: big');
    }
    expect(sink.bodies).toEqual([envelope, envelope, envelope, envelope]);
  });

  test.each<readonly [string, BufferEncoding, string]>([
    ['lines end with CRLF', 'utf8', '{\r\n"event_type":"X",\r\n"payload":{}}\r\n'],
    ['the file begins with a byte order mark', 'utf8', '\ufeff{"event_type":"X","payload":{}}'],
    ['PowerShell 5 has redirected it', 'utf16le', '\ufeff{"event_type":"ä","payload":{}}\r\n'],
  ])('sends the event of a file of Windows: %s', async (_name, encoding, text) => {
    const sink = await startSink();
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'event.json'), Buffer.from(text, encoding));
    const args = ['trigger', sink.url, '--from', 'event.json'];
    expect((await run(args, { env, cwd })).stderr).toBe('');
    expect(sink.bodies).toEqual([text.replace('\ufeff', '')]);
  });

  test('an entry is delivered with its metadata and as a test event, unless others are given', async () => {
    const { url, handled } = await startReceiverServer(SECRET);
    const entry = deadEntry('task-1', { metadata: { orderId: 42 }, testMode: true });
    const { folder, address } = await sqliteWith([entry]);
    await writeFile(join(folder, 'entry.ndjson'), `${toLines([entry]).join('\n')}\n`);
    const options = { cwd: folder, env: { ...env, NOVITA_INBOX: address } };
    const given = ['--task-id', 'c', '--metadata', '{"orderId":7}'];
    for (const args of [
      ['--from', 'entry:task-1', '--task-id', 'a'],
      ['--from', 'entry.ndjson', '--task-id', 'b'],
      ['--from', 'entry:task-1', ...given],
    ]) {
      expect((await run(['trigger', url, ...args], options)).code).toBe(0);
    }
    await expect.poll(() => handled).toHaveLength(3);
    expect(handled.map(({ metadata, testMode }) => ({ ...metadata, testMode }))).toEqual([
      { orderId: 42, testMode: true },
      { orderId: 42, testMode: true },
      { orderId: 7, testMode: true },
    ]);
    const bare = { cwd: folder, env: { NOVITA_INBOX: address } };
    const unsigned = await run(['trigger', url, '--from', 'entry:task-1'], bare);
    expect([unsigned.code, unsigned.stdout]).toEqual([1, expect.stringContaining('401')]);
  });

  test('changes values with --set and --remove', async () => {
    const sink = await startSink();
    const args = [
      ...[
        '--set',
        'payload.task.status=TASK_STATUS_ODD',
        '--set',
        'payload.new.list=[1,{"a":null}]',
      ],
      ...['--set', 'payload.images.0.image_url=x', '--set', 'payload.__proto__.x=1'],
      ...['--remove', 'payload.task.reason', '--task-id', 'my-task'],
    ];
    expect((await run(['trigger', sink.url, ...args], { env })).code).toBe(0);
    const { payload } = JSON.parse(sink.bodies[0] ?? '') as { payload: Record<string, unknown> };
    expect(payload).toMatchObject({
      task: { task_id: 'my-task', status: 'TASK_STATUS_ODD' },
      new: { list: [1, { a: null }] },
      images: [{ image_url: 'x' }],
    });
    expect(payload['task']).not.toHaveProperty('reason');
    expect(sink.bodies[0]).toContain('"__proto__":{"x":1}');
  });

  test('sends the event of a running task', async () => {
    const sink = await startSink();
    for (const [status, progress_percent] of [
      ['processing', 50],
      ['QUEUED', 0],
    ] as const) {
      const { code, stdout } = await run(['trigger', sink.url, '--status', status], { env });
      const name = `TASK_STATUS_${status.toUpperCase()}`;
      expect([code, stdout]).toEqual([0, expect.stringContaining(`Delivering ${name} to`)]);
      expect(stdout).not.toContain('result links');
      const { payload } = JSON.parse(sink.bodies.at(-1) ?? '') as { payload: object };
      expect(payload).toMatchObject({ task: { status: name, progress_percent }, images: [] });
    }
  });

  test('--edit opens the editor, on a terminal only', async () => {
    const sink = await startSink();
    const editor = `node -e "const fs=require('fs'),f=process.argv[1];fs.writeFileSync(f,fs.readFileSync(f,'utf8').replace('TASK_STATUS_SUCCEED','EDITED'))"`;
    const args = ['trigger', sink.url, '--edit'];
    const terminal = startOnTerminal(args, { env: { ...env, VISUAL: editor } });
    expect([await terminal.end, terminal.output()]).toEqual([0, expect.stringContaining('200')]);
    expect(sink.bodies[0]).toContain('"status": "EDITED"');
    const failing = startOnTerminal(args, { env: { ...env, VISUAL: 'false' } });
    expect(await failing.end).toBe(1);
    expect(failing.output()).toContain('ended with 1. Nothing was delivered.');
    expect((await run(args, { env })).code).toBe(2);
    expect(sink.bodies).toHaveLength(1);
  });

  test.each<readonly [string[], number, RegExp]>([
    [
      ['--from', 'missing.json'],
      3,
      /--from missing\.json cannot be read: .*does not exist .*Check the path/,
    ],
    [['--from', '.'], 3, /--from \. cannot be read: it is a folder/],
    [['--from', 'empty.json'], 4, /--from empty\.json is not JSON: /],
    [['--from', 'half.json'], 4, /--from half\.json is not JSON: /],
    [['--from', 'other.json'], 4, /--from other\.json holds no event\. Pass JSON/],
    [['--from', 'entry:x'], 2, /no inbox is named/],
    [['--from', 'entry:x', '--inbox', 'sqlite:missing.db'], 3, /there is no file missing\.db/],
    [['--from', 'half.json', '--images', '2'], 2, /cannot be used with/],
    [['--remove', 'payload.nothing'], 2, /the event has no such value/],
    [['--set', 'payload.images.7.image_url=x'], 2, /the list has 1 member,/],
    [['--set', 'task.status=x'], 2, /the event has no task\. Paths begin at the envelope/],
    [['--set', 'payload'], 2, /Pass path=value/],
    [['--remove', 'payload..x'], 2, /Pass a path/],
    [['--status', 'done'], 2, /Pass one of succeed, failed/],
  ])('%j exits with %i', async (args, code, message) => {
    const sink = await startSink();
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'empty.json'), '');
    await writeFile(join(folder, 'other.json'), '{"a":1}');
    await writeFile(
      join(folder, 'half.json'),
      JSON.stringify(sampleEvents.imageSucceeded()).slice(0, -9),
    );
    const result = await run(['trigger', sink.url, ...args], { env, cwd: folder });
    expect(result.stderr).toMatch(message);
    expect(result.stderr).toMatch(/^novita-webhooks: /);
    expect([result.code, result.stdout, sink.bodies]).toEqual([code, '', []]);
  });
});
