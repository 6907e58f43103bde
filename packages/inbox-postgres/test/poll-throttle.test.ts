import { createManualClock } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { createRestraint } from '../src/notifications/poll-throttle.ts';

function setUp(random = () => 0.5) {
  const clock = createManualClock();
  let looks = 0;
  let inStore = 0;
  const look = () => {
    looks += 1;
    const found = inStore;
    inStore = 0;
    restraint.found(found);
  };
  const restraint = createRestraint({ look, clock, random });
  return {
    clock,
    restraint,
    looks: () => looks,
    put: () => (inStore += 1),
    async tell(times: number, everyMs = 1) {
      for (let time = 0; time < times; time += 1) {
        restraint.hear();
        await clock.advance(everyMs);
      }
    },
  };
}

describe('a worker that is told of every event', () => {
  test('looks at once, every time, as long as it finds something', async () => {
    const { put, tell, looks } = setUp();
    for (let event = 1; event <= 50; event += 1) {
      put();
      await tell(1);
      expect(looks()).toBe(event);
    }
  });

  test('looks in vain a few times, and then five times a second', async () => {
    const { tell, looks } = setUp();
    await tell(50, 20);
    const inFirstSecond = looks();
    await tell(100, 20);
    expect(inFirstSecond).toBeGreaterThanOrEqual(5);
    expect(inFirstSecond).toBeLessThanOrEqual(12);
    expect(looks() - inFirstSecond).toBeGreaterThanOrEqual(9);
    expect(looks() - inFirstSecond).toBeLessThanOrEqual(11);
  });

  test('does not forget what it was told while it waited', async () => {
    const { clock, put, tell, looks } = setUp();
    await tell(20);
    const before = looks();
    put();
    await tell(1); // the last that it hears
    expect(looks()).toBe(before);
    await clock.advance(300);
    expect(looks()).toBe(before + 1);
  });

  test('is quick again as soon as it has found something', async () => {
    const { clock, put, tell, looks } = setUp();
    await tell(20);
    put();
    await clock.advance(300);
    const before = looks();
    put();
    await tell(1);
    expect(looks()).toBe(before + 1);
  });

  test('does not wait any longer when a look of its own has found something', async () => {
    const { restraint, tell, looks } = setUp();
    await tell(20);
    const before = looks();
    restraint.found(1);
    await tell(1);
    expect(looks()).toBe(before + 1);
  });

  test('is not made to wait by many who tell it of what it took together', async () => {
    const { restraint, tell, looks } = setUp();
    for (let burst = 1; burst <= 20; burst += 1) {
      restraint.hear();
      restraint.found(10);
      await tell(9); // of the same entries
      restraint.hear();
      restraint.found(10);
    }
    const before = looks();
    await tell(1);
    expect(looks()).toBe(before + 1);
  });

  test('has each entry that it finds make up for an earlier look in vain', async () => {
    const { restraint, tell, looks } = setUp();
    await tell(20);
    const before = looks();
    restraint.found(3);
    for (let call = 0; call < 3; call += 1) restraint.hear();
    expect(looks()).toBe(before + 3);
  });

  test('does not wait for a clock that was set back', async () => {
    const clock = createManualClock();
    let offset = 0;
    let looks = 0;
    const look = () => {
      looks += 1;
      restraint.found(0);
    };
    const wall = { ...clock, now: () => clock.now() + offset };
    const restraint = createRestraint({ look, clock: wall, random: () => 0.5 });
    for (let time = 0; time < 20; time += 1) restraint.hear();
    await clock.advance(1000); // what was put off
    offset = -3_600_000;
    const before = looks;
    restraint.hear();
    await clock.advance(1000);
    expect(looks).toBe(before + 1);
  });

  test('is not blamed for looks that it was not told to make', async () => {
    const { restraint, tell, looks } = setUp();
    for (let round = 0; round < 100; round += 1) restraint.found(0); // polling, or a handler ended
    await tell(1);
    expect(looks()).toBe(1);
  });

  test('does not look at the same time as all the others', async () => {
    const times = [0, 0.25, 0.999].map(async (drawn) => {
      const { clock, tell, looks } = setUp(() => drawn);
      await tell(20);
      const before = looks();
      const since = clock.now();
      while (looks() === before) await clock.advance(10);
      return clock.now() - since;
    });
    expect(new Set(await Promise.all(times)).size).toBe(3);
  });

  test('looks no more once it is stopped', async () => {
    const { clock, restraint, tell, looks } = setUp();
    await tell(20);
    const before = looks();
    restraint.stop();
    await clock.advance(5000);
    expect(looks()).toBe(before);
    expect(clock.timers()).toBe(0);
  });
});
