import { createHash } from 'node:crypto';

import { createRandom, type Random } from '../support/random.ts';
import { createQueue, type Owner } from './queue.ts';
import { replaceSources, settle } from './sources.ts';

/** The one scheduler of a run: time, randomness and the order of events come from the seed. */
export interface World {
  readonly random: Random;
  /** Milliseconds since the run began. Never jumps. */
  now(): number;
  steps(): number;
  /** Lets something happen to an owner after `delayMs`. @returns a function that cancels it */
  after(owner: Owner, delayMs: number, label: string, happen: () => void): () => void;
  /** As `after`, for code that waits. */
  pause(owner: Owner, delayMs: number, label: string): Promise<void>;
  /** Lets the events go on that came while an owner was stopped. */
  resume(owner: Owner): void;
  /** Lets the next event happen, and all that follows from it without waiting. */
  step(): Promise<boolean>;
  note(line: string): void;
  /** Counts what happened, for the table at the end. */
  count(what: string): void;
  readonly counts: ReadonlyMap<string, number>;
  /** A broken invariant. Ends the run. */
  fail(finding: string): void;
  readonly findings: readonly string[];
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T | undefined;
  /** Mostly near the first number, at most the second. */
  delay(usualMs: number, maxMs: number): number;
  /** Ends the run. @returns the hash of all lines, and the last of them */
  end(): { readonly hash: string; readonly lines: readonly string[] };
}

const MAX_LINES = 60;

/** @param onLine gets every line of the trace */
export function createWorld(seed: number, onLine: (line: string) => void = () => undefined): World {
  const random = createRandom(seed);
  const queue = createQueue();
  const parked = new Map<Owner, (() => void)[]>();
  const counts = new Map<string, number>();
  const findings: string[] = [];
  const hash = createHash('sha256');
  let lines: string[] = [];
  let now = 0;
  let steps = 0;
  let current: Owner = { name: 'nothing', state: 'running' };

  const world: World = {
    random,
    counts,
    findings,
    now: () => now,
    steps: () => steps,
    after(owner, delayMs, label, happen) {
      const event = { at: now + Math.max(0, delayMs), rank: random.next(), owner, label, happen };
      return queue.push({ ...event, isCancelled: false });
    },
    pause: (owner, delayMs, label) =>
      new Promise((resolve) => void world.after(owner, delayMs, label, resolve)),
    resume(owner) {
      owner.state = 'running';
      for (const release of parked.get(owner) ?? []) release();
      parked.delete(owner);
    },
    async step() {
      const event = queue.pop();
      if (event === undefined) return false;
      now = Math.max(now, event.at);
      if (event.owner.state === 'dead') return true;
      if (event.owner.state === 'stopped') {
        const release = () => void queue.push({ ...event, at: now, rank: random.next() });
        parked.set(event.owner, [...(parked.get(event.owner) ?? []), release]);
        return true;
      }
      steps += 1;
      current = event.owner;
      world.note(`${event.owner.name} ${event.label}`);
      event.happen();
      await settle();
      return true;
    },
    note(text) {
      const line = `${now.toFixed(2)} ${text}`;
      onLine(line);
      lines.push(line);
      if (lines.length < 1000) return;
      hash.update(lines.slice(0, -MAX_LINES).join('\n'));
      lines = lines.slice(-MAX_LINES);
    },
    count: (what) => void counts.set(what, (counts.get(what) ?? 0) + 1),
    fail(finding) {
      world.note(`BROKEN ${finding}`);
      findings.push(finding);
    },
    chance: (probability) => random.next() < probability,
    pick: (list) => list[random.between(0, list.length - 1)],
    delay: (usualMs, maxMs) => usualMs + (maxMs - usualMs) * random.next() ** 20,
    end() {
      restore();
      const digest = hash.update(lines.join('\n')).digest('hex');
      return { hash: digest.slice(0, 16), lines: lines.slice(-MAX_LINES) };
    },
  };
  const restore = replaceSources({
    random: random.next,
    yieldTo: (then) => world.after(current, 0, 'yield', then),
    bypassed: (what) => world.fail(`${what} goes round the clock or the seed`),
  });
  return world;
}
