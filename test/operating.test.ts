import { createReceiver, PermanentError } from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { sampleEvents, signedDelivery } from '@novita-webhooks/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

import { codeBlocks, runUntil } from './support/snippets.ts';

const TIMEOUT_MS = 240_000;
const secret = 'a secret for the guides, long enough to sign';
const [script = '', resume = '', letters = ''] = await codeBlocks('docs/operating.md');

/** The path of an inbox with dead letters. */
async function deadLetters(...taskIds: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'operating-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'webhooks.db');
  const inbox = sqliteInbox({ path });
  const receiver = createReceiver({
    ...{ url: 'https://example.com/', secret, inbox, logger: false },
    onTaskSucceeded: () => Promise.reject(new PermanentError('no such order')),
  });
  receiver.start();
  for (const taskId of taskIds) {
    const event = sampleEvents.imageSucceeded({ taskId });
    await receiver.handle(await signedDelivery(receiver, event, { orderId: 42 }));
  }
  await receiver.idle();
  await receiver.close();
  return path;
}

/** Runs the script of the guide with arguments. */
function run(path: string, args: readonly string[], wanted: RegExp): Promise<string> {
  const set = `process.argv.splice(2, Infinity, ...${JSON.stringify(args)});`;
  return runUntil(`${set}\n${script}`, wanted, { INBOX: path });
}

describe('docs/operating.md: the script', () => {
  test('groups, lists, replays and discards dead letters', { timeout: TIMEOUT_MS }, async () => {
    const path = await deadLetters('task-1', 'task-2', 'task-3');
    expect(await run(path, ['stats'], /dead: \d/)).toContain('dead: 3');
    expect(await run(path, ['dead'], /^task-1 .*$/m)).toMatch(/^task-3 .*no such order/m);
    const grouped = await run(path, ['groups'], /^3 .* since \d.* task-\d$/m);
    expect(grouped).toContain('no such order');
    const shown = await run(path, ['show', 'task-1'], /attemptLog: [^]*originalBody/);
    expect(shown).toMatch(/state: 'dead'[^]*trigger: 'delivery'/);
    await run(path, ['replay', 'task-1'], /^replayed$/m);
    await run(path, ['replay', 'task-1'], /^not a done or dead entry$/m);
    await run(path, ['discard', 'task-2'], /^discarded$/m);
    await run(path, ['replay-like', 'task-3'], /matched: 1, replayed: 1, skipped: 0, cursor: null/);
    expect(await run(path, ['stats'], /dead: \d/)).toMatch(/pending: 2,[^]*dead: 0/);
    await run(path, [], /^stats \| groups/m);
  });

  test('moves all entries to another file', { timeout: TIMEOUT_MS }, async () => {
    const path = await deadLetters('task-1', 'task-2');
    const lines = join(path, '..', 'entries.ndjson');
    await run(path, ['export', lines], /^exported$/m);
    const moved = join(path, '..', 'moved.db');
    await run(moved, ['import', lines], /added: 2, duplicates: 0/);
    expect(await run(moved, ['stats'], /dead: \d/)).toContain('dead: 2');
  });
});

test('docs/operating.md: a replay saves its cursor', { timeout: TIMEOUT_MS }, async () => {
  await runUntil(resume, /matched: 0, replayed: 0, skipped: 0/, {});
});

test(
  'docs/operating.md: a dead letter is reported',
  async () => {
    const code = `
      import { PermanentError } from '@novita-webhooks/core';
      import { sampleEvents, signedDelivery } from '@novita-webhooks/testing';
      ${letters.replace('createReceiver({', "createReceiver({ url: 'https://example.com/',")}
      receiver.onTaskSucceeded(() => Promise.reject(new PermanentError('no such order')));
      receiver.start();
      await receiver.handle(await signedDelivery(receiver, sampleEvents.imageSucceeded()));`;
    const wanted = /^page the operator: \S+ attempts: 1 .*no such order/m;
    await runUntil(code, wanted, { NOVITA_WEBHOOK_SECRET: secret });
  },
  TIMEOUT_MS,
);
