import { createManualClock } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { createPollThrottle } from '../src/notifications/poll-throttle.ts';

function setUp(random = () => 0.5) {
  const clock = createManualClock();
  let polls = 0;
  let available = 0;
  const poll = () => {
    polls += 1;
    const entries = available;
    available = 0;
    throttle.claimed(entries);
  };
  const throttle = createPollThrottle({ poll, clock, random });
  return {
    clock,
    throttle,
    polls: () => polls,
    add: () => (available += 1),
    async notify(times: number, everyMs = 1) {
      for (let time = 0; time < times; time += 1) {
        throttle.notify();
        await clock.advance(everyMs);
      }
    },
  };
}

describe('createPollThrottle', () => {
  test('polls at once while each poll finds an entry', async () => {
    const { add, notify, polls } = setUp();
    for (let event = 1; event <= 50; event += 1) {
      add();
      await notify(1);
      expect(polls()).toBe(event);
    }
  });

  test('allows a burst of empty polls, then five a second', async () => {
    const { notify, polls } = setUp();
    await notify(50, 20);
    const inFirstSecond = polls();
    await notify(100, 20);
    expect(inFirstSecond).toBeGreaterThanOrEqual(5);
    expect(inFirstSecond).toBeLessThanOrEqual(12);
    expect(polls() - inFirstSecond).toBeGreaterThanOrEqual(9);
    expect(polls() - inFirstSecond).toBeLessThanOrEqual(11);
  });

  test('polls later for a notification that arrived without tokens', async () => {
    const { clock, add, notify, polls } = setUp();
    await notify(20);
    const before = polls();
    add();
    await notify(1); // the last notification
    expect(polls()).toBe(before);
    await clock.advance(300);
    expect(polls()).toBe(before + 1);
  });

  test('polls at once again after a poll found an entry', async () => {
    const { clock, add, notify, polls } = setUp();
    await notify(20);
    add();
    await clock.advance(300);
    const before = polls();
    add();
    await notify(1);
    expect(polls()).toBe(before + 1);
  });

  test('gives a token back for an entry that another claim found', async () => {
    const { throttle, notify, polls } = setUp();
    await notify(20);
    const before = polls();
    throttle.claimed(1);
    await notify(1);
    expect(polls()).toBe(before + 1);
  });

  test('does not wait after many notifications for one large claim', async () => {
    const { throttle, notify, polls } = setUp();
    for (let burst = 1; burst <= 20; burst += 1) {
      throttle.notify();
      throttle.claimed(10);
      await notify(9); // for the same entries
      throttle.notify();
      throttle.claimed(10);
    }
    const before = polls();
    await notify(1);
    expect(polls()).toBe(before + 1);
  });

  test('gives back one token for each claimed entry', async () => {
    const { throttle, notify, polls } = setUp();
    await notify(20);
    const before = polls();
    throttle.claimed(3);
    for (let call = 0; call < 3; call += 1) throttle.notify();
    expect(polls()).toBe(before + 3);
  });

  test('limits the delay when the clock is set back', async () => {
    const clock = createManualClock();
    let offset = 0;
    let polls = 0;
    const poll = () => {
      polls += 1;
      throttle.claimed(0);
    };
    const wall = { ...clock, now: () => clock.now() + offset };
    const throttle = createPollThrottle({ poll, clock: wall, random: () => 0.5 });
    for (let time = 0; time < 20; time += 1) throttle.notify();
    await clock.advance(1000); // the delayed poll
    offset = -3_600_000;
    const before = polls;
    throttle.notify();
    await clock.advance(1000);
    expect(polls).toBe(before + 1);
  });

  test('takes no token for an empty poll without a notification', async () => {
    const { throttle, notify, polls } = setUp();
    for (let round = 0; round < 100; round += 1) throttle.claimed(0); // a poll by timer, or after a handler
    await notify(1);
    expect(polls()).toBe(1);
  });

  test('delays polls by a random time', async () => {
    const times = [0, 0.25, 0.999].map(async (drawn) => {
      const { clock, notify, polls } = setUp(() => drawn);
      await notify(20);
      const before = polls();
      const since = clock.now();
      while (polls() === before) await clock.advance(10);
      return clock.now() - since;
    });
    expect(new Set(await Promise.all(times)).size).toBe(3);
  });

  test('does not poll after stop', async () => {
    const { clock, throttle, notify, polls } = setUp();
    await notify(20);
    const before = polls();
    throttle.stop();
    await clock.advance(5000);
    expect(polls()).toBe(before);
    expect(clock.timers()).toBe(0);
  });
});
