import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';

import { createDisk } from './disk.ts';
import { cutPower } from './power-cut.ts';
import { buildShim, type Honesty } from './shim.ts';
import { spawnScript } from './spawn-script.ts';
import type { SubjectName } from './stores-under-test.ts';
import type { Look, SurveyOptions } from './inspect-cuts.ts';
import { emptyTallies, record, type Tallies } from './tallies.ts';
import { ACKS, readTrace, type Operation } from './trace.ts';

export interface ProofOptions {
  readonly subject: SubjectName;
  readonly honesty?: Honesty;
  readonly entries: number;
  readonly cuts: number;
  readonly seed: number;
  /** How many variants besides `none` are tried at every cut. */
  readonly others: number;
}

export interface Proof {
  readonly tallies: Tallies;
  readonly operations: number;
  readonly syncs: number;
  readonly checkpoints: number;
  readonly walResets: number;
  readonly acks: number;
}

/** Long enough that commits happen during a sync, whatever the disk. */
const SYNC_US = 500;

/** Lets a victim work, and cuts its power at every moment that matters. */
export async function prove(options: ProofOptions): Promise<Proof> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'power-loss-'));
  const disks = mkdtempSync(join(fastFolder(), 'power-loss-'));
  try {
    const trace = await recordVictim(folder, options);
    const operations = readTrace(trace);
    checkTrace(operations, join(folder, 'disk'));
    return { tallies: await surveyAll(trace, disks, options), ...countIn(operations) };
  } finally {
    for (const each of [folder, disks]) rmSync(each, { recursive: true, force: true });
  }
}

async function recordVictim(folder: string, options: ProofOptions): Promise<string> {
  const { subject, honesty = 'honest', entries } = options;
  const disk = join(folder, 'disk');
  const trace = join(folder, 'trace');
  mkdirSync(disk);
  const { signal, errors } = await spawnScript(
    'recorded-process.ts',
    [subject, disk, String(entries)],
    {
      LD_PRELOAD: buildShim(folder),
      POWER_LOSS_DIR: disk,
      POWER_LOSS_TRACE: trace,
      POWER_LOSS_SYNC: honesty,
      POWER_LOSS_SYNC_US: String(SYNC_US),
      // A ring would do what the shim cannot see.
      UV_USE_IO_URING: '0',
    },
  );
  if (signal !== 'SIGKILL') throw new Error(`the victim did not come to its end:\n${errors}`);
  return trace;
}

/** With every operation applied it has to be exactly what is there: else the shim missed some. */
function checkTrace(operations: readonly Operation[], folder: string): void {
  const disk = createDisk((changes) => changes); // what is still in memory counts as well
  for (const operation of operations) disk.apply(operation);
  const image = cutPower(disk, 'all', () => 0);
  const found = readdirSync(folder).filter((name) => name !== ACKS && !name.endsWith('-shm'));
  const wrong = [...new Set([...image.keys(), ...found])].filter(
    (name) => !found.includes(name) || !image.get(name)?.equals(readFileSync(join(folder, name))),
  );
  if (wrong.length > 0) throw new Error(`the trace is not complete: ${wrong.join(', ')} differ`);
}

async function surveyAll(trace: string, disks: string, options: ProofOptions): Promise<Tallies> {
  const { subject, cuts, seed, others } = options;
  const shares = availableParallelism();
  const tallies = emptyTallies();
  await Promise.all(
    Array.from({ length: shares }, (_, share) => {
      const folder = join(disks, String(share));
      const job = { subject, cuts, seed, others, share, shares, done: 0, folder };
      return surveyShare(trace, job, tallies);
    }),
  );
  return tallies;
}

/** What ends the inspector is a finding as well: it would have ended the application. */
async function surveyShare(trace: string, job: SurveyOptions, tallies: Tallies): Promise<void> {
  for (let { done } = job; ;) {
    const options = JSON.stringify({ ...job, done } satisfies SurveyOptions);
    const { output, errors, code } = await spawnScript('inspect-process.ts', [trace, options]);
    const looks = output.split('\n').filter(Boolean).map(toLook);
    for (const look of looks) if (look.finding) record(tallies, look, look.finding);
    const last = looks.at(-1);
    if (code === 0) return;
    if (!last || last.finding) throw new Error(`an inspector failed:\n${errors}`);
    const broken = `the process ended: ${errors.slice(0, 300)}`;
    record(tallies, last, { kept: 0, settled: 0, lost: [], wrong: [], broken });
    done += looks.filter(({ finding }) => !finding).length;
  }
}

const toLook = (line: string): Look => JSON.parse(line) as Look;

/** What the trace has seen, from its writes: names are those that files were created with. */
function countIn(operations: readonly Operation[]) {
  const names = new Map<number, string>();
  const count = { operations: operations.length, syncs: 0, checkpoints: 0, walResets: 0, acks: 0 };
  let before = '';
  for (const step of operations) {
    if (step.kind === 'create') names.set(step.file, step.name);
    if (step.kind === 'sync end') count.syncs += 1;
    if (step.kind === 'ack') count.acks += 1;
    if (step.kind !== 'write') continue;
    const name = names.get(step.file) ?? '';
    if (name.endsWith('-wal') && step.offset === 0 && !isFirstLog(step.data)) count.walResets += 1;
    if (name.endsWith('.db') && before.endsWith('-wal')) count.checkpoints += 1;
    before = name;
  }
  return count;
}

/** By the header of a log, which counts how often it was begun anew. */
const isFirstLog = (header: Buffer): boolean => header.readUInt32BE(12) === 0;

/** In memory, where there is such a place: only what the victim does has to be real. */
function fastFolder(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}
