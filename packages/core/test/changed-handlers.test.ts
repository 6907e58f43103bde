import { memoryInbox, type Inbox, type Receiver } from '@novita-webhooks/core';
import { createManualClock, sampleEvents, type ManualClock } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { setUp } from './helpers.ts';

const RETRY = { retry: { delay: () => 1000 } };
type Register = (receiver: Receiver, runs: string[]) => void;

const failing = (): never => {
  throw new Error('not yet');
};

/** An entry fails once under one release, and is retried under the next. Returns the second runs. */
async function release(before: Register, after: Register) {
  const clock: ManualClock = createManualClock();
  const inbox: Inbox = memoryInbox({ clock });
  const keptOpen: Inbox = { ...inbox, close: async () => undefined };
  const first = setUp({ inbox: keptOpen, ...RETRY }, clock);
  before(first.receiver, []);
  await first.settle(sampleEvents.imageSucceeded());
  await first.receiver.close();
  const second = setUp({ inbox: keptOpen, ...RETRY }, clock);
  const runs: string[] = [];
  after(second.receiver, runs);
  second.receiver.start();
  await clock.advance(60_000);
  expect((await inbox.stats()).done).toBe(1);
  const warnings = second.log.messages('warn').filter((line) => line.includes('have changed'));
  const names = second.log.lines.flatMap(({ details }) => details['succeededHandlers'] ?? []);
  return { runs, warnings, names };
}

describe('worker: a release changes the handlers while an entry waits for its retry', () => {
  test('a handler that is inserted before the others runs, with a warning', async () => {
    const { runs, warnings, names } = await release(
      ({ onTaskSucceeded }) => {
        onTaskSucceeded(() => 'a');
        onTaskSucceeded(failing);
      },
      ({ onTaskSucceeded }, ran) => {
        onTaskSucceeded(() => ran.push('new'));
        onTaskSucceeded(() => ran.push('a'));
        onTaskSucceeded(() => ran.push('b'));
      },
    );
    expect(names).toEqual(['onTaskSucceeded #1']);
    expect(runs).toEqual(['new', 'a', 'b']);
    expect(warnings).toHaveLength(1);
  });

  test('a handler whose source text equals that of a succeeded one runs', async () => {
    const handler = (name: string, runs: string[]) => () => void runs.push(name);
    const { runs } = await release(
      ({ onTaskSucceeded }, ran) => {
        onTaskSucceeded(handler('a', ran));
        onTaskSucceeded(failing);
      },
      ({ onTaskSucceeded }, ran) => {
        onTaskSucceeded(handler('new', ran));
        onTaskSucceeded(handler('a', ran));
        onTaskSucceeded(handler('b', ran));
      },
    );
    expect(runs).toContain('new');
  });

  test('a handler that replaces a succeeded one runs', async () => {
    const { runs, warnings } = await release(
      ({ onTaskSucceeded }) => {
        onTaskSucceeded(() => 'old');
        onTaskSucceeded(failing);
      },
      ({ onTaskSucceeded }, ran) => {
        onTaskSucceeded(() => ran.push('new'));
        onTaskSucceeded(() => ran.push('b'));
      },
    );
    expect(runs).toEqual(['new', 'b']);
    expect(warnings).toHaveLength(1);
  });

  test('reordered handlers all run', async () => {
    const one = (runs: string[]) => () => void runs.push('one');
    const { runs } = await release(
      ({ onTaskSucceeded }, ran) => {
        onTaskSucceeded(one(ran));
        onTaskSucceeded(failing);
      },
      ({ onTaskSucceeded }, ran) => {
        onTaskSucceeded(() => ran.push('two'));
        onTaskSucceeded(one(ran));
      },
    );
    expect(runs).toEqual(['two', 'one']);
  });

  test('named handlers keep their successes, without a warning', async () => {
    const { runs, warnings } = await release(
      ({ onTaskSucceeded }) => {
        onTaskSucceeded({ handlerName: 'a' }, () => 'a');
        onTaskSucceeded({ handlerName: 'b' }, failing);
      },
      ({ onTaskSucceeded }, ran) => {
        onTaskSucceeded({ handlerName: 'new' }, () => ran.push('new'));
        onTaskSucceeded({ handlerName: 'a' }, () => ran.push('a'));
        onTaskSucceeded({ handlerName: 'b' }, () => ran.push('b'));
      },
    );
    expect(runs).toEqual(['new', 'b']);
    expect(warnings).toEqual([]);
  });

  test('unchanged handlers keep their successes when a failing one is repaired', async () => {
    const kept = (runs: string[]) => () => void runs.push('kept');
    const { runs, warnings } = await release(
      ({ onTaskSucceeded, onTaskFinished }, ran) => {
        onTaskSucceeded(kept(ran));
        onTaskSucceeded(failing);
        onTaskFinished({ handlerName: 'other' }, () => undefined);
      },
      ({ onTaskSucceeded, onTaskFailed }, ran) => {
        onTaskFailed(() => ran.push('another event'));
        onTaskSucceeded(kept(ran));
        onTaskSucceeded(() => ran.push('repaired'));
      },
    );
    expect(runs).toEqual(['repaired']);
    expect(warnings).toEqual([]);
  });
});
