import { describe, expect, test } from 'vitest';

import { prove, type ProofOptions } from './simulate-power-loss.ts';
import { whyNot } from './shim.ts';
import { describeTrace, toTable } from './table.ts';
import { total } from './tallies.ts';

const PATIENCE_MS = 240_000;
const COMMAND = 'node --import tsx packages/inbox-sqlite/test/power-loss/main.ts --cuts 5000';

const small = { cuts: 60, seed: 1, others: 1 };

const reason = whyNot();
if (reason !== undefined) {
  console.warn(
    `\n!!! SKIPPED: the proof that nothing acknowledged is lost in a power cut: ${reason}.\n` +
      `!!! On Linux with a C compiler: ${COMMAND}\n`,
  );
}

test.runIf(process.env['CI'] ?? process.env['REQUIRE_SERVICES'])(
  'the proof of power loss can be made',
  () => {
    expect(reason).toBeUndefined();
  },
);

describe.skipIf(reason !== undefined)('when the power is cut', () => {
  test(
    'nothing that the store has acknowledged is lost',
    async () => {
      const proof = await prove({ ...small, subject: 'store', entries: 1600 });
      const { lost, wrong, broken, examples, cuts, kept } = total(proof.tallies);
      console.log(`${describeTrace(proof)}\n${toTable(proof.tallies)}`);
      expect({ lost, wrong, broken, examples }).toEqual({
        lost: 0,
        wrong: 0,
        broken: 0,
        examples: [],
      });
      // It has seen what it is about, and enough of it.
      expect(proof.checkpoints).toBeGreaterThanOrEqual(2);
      expect(proof.walResets).toBeGreaterThanOrEqual(1);
      expect(cuts).toBeGreaterThan(300);
      expect(kept).toBeGreaterThan(20_000);
    },
    PATIENCE_MS,
  );
});

describe.skipIf(reason !== undefined)('when syncs fail, and the power is cut later', () => {
  test(
    'nothing that the store has acknowledged is lost',
    async () => {
      const proof = await prove({ ...small, subject: 'store', honesty: 'failing', entries: 800 });
      // SQLite takes it that a sector keeps its old or gets its new bytes, and so do we.
      const sane = [...proof.tallies].filter(([variant]) => variant !== 'garbage');
      const { lost, wrong, broken, examples, kept } = total(new Map(sane));
      expect({ lost, wrong, broken, examples }).toEqual({
        lost: 0,
        wrong: 0,
        broken: 0,
        examples: [],
      });
      expect(kept).toBeGreaterThan(10_000);
    },
    PATIENCE_MS,
  );
});

describe.skipIf(reason !== undefined)('the proof of power loss', () => {
  const run = async (options: Pick<ProofOptions, 'subject'> & Partial<ProofOptions>) =>
    total((await prove({ cuts: 0, seed: 1, others: 0, entries: 200, ...options })).tallies);

  test('accepts raw SQLite that syncs in every commit', { timeout: PATIENCE_MS }, async () => {
    expect(await run({ subject: 'full', entries: 60, others: 1 })).toMatchObject({
      lost: 0,
      wrong: 0,
      broken: 0,
    });
  });

  test.each([
    ['our store without its own syncs', { subject: 'store', honesty: 'no-fdatasync' }],
    ['our store without SQLite’s syncs', { subject: 'store', honesty: 'no-fsync' }],
    ['raw SQLite on a disk that lies', { subject: 'full', honesty: 'none' }],
    ['raw SQLite with synchronous = NORMAL', { subject: 'normal' }],
    ['raw SQLite with synchronous = OFF', { subject: 'off' }],
    ['commits that join a sync under way', { subject: 'late-join' }],
  ] as const)('finds what is lost by %s', { timeout: PATIENCE_MS }, async (_, options) => {
    // How commits and syncs overlap is up to the machine: what one run does not show, another does.
    for (let seed = 1; seed <= 6; seed += 1) {
      const { lost, wrong } = await run({ ...options, seed });
      if (lost + wrong > 0) return;
    }
    expect.fail('nothing was lost, so this would not notice');
  });
});
