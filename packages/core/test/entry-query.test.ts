import { describe, expect, it } from 'vitest';

import { memoryInbox, type EntryKey, type EntryQuery } from '@novita-webhooks/core';

const inbox = memoryInbox();
const replay = (key?: unknown) => inbox.replay(key as EntryKey);
const list = (query: unknown) => inbox.list(query as EntryQuery);

describe('a key says what is missing', () => {
  const pass = "Pass { endpoint, taskId }; the default endpoint is 'novita'.";
  it.each([
    [undefined, 'the key is missing'],
    ['task-1', 'the key is invalid (string)'],
    [{ taskId: 'task-1' }, 'endpoint is missing'],
    [{ endpoint: 'novita', taskId: 5 }, 'taskId is invalid (number)'],
  ])('%j', async (key, fault) => {
    await expect(replay(key)).rejects.toThrow(`inbox.replay: ${fault}. ${pass}`);
  });
});

describe('a query says what is wrong', () => {
  it.each([
    [{ states: ['failed'] }, 'states.0: must be expected, pending, running, done or dead'],
    [{ states: 'dead' }, "states: must be a list such as ['dead']"],
    [{ taskID: 'a' }, 'options: taskID is unknown. Known: endpoint, states, taskType, '],
    [{ limit: 5000 }, 'limit: must be an integer from 1 to 1000'],
    [{ cursor: 'x' }, 'cursor: must be the cursor of an earlier page'],
    ['dead', 'options: must be a plain object'],
  ])('%j', async (query, fault) => {
    await expect(list(query)).rejects.toThrow(`inbox.list: ${fault}`);
  });
});
