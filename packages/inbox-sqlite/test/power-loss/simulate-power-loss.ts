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
import { buildShim, type SyncMode } from './shim.ts';
import { spawnScript } from './spawn-script.ts';
import type { StoreName } from './stores-under-test.ts';
import type { Inspection, InspectOptions } from './inspect-cuts.ts';
import { emptyTallies, recordFinding, type Tallies } from './tallies.ts';
import { ACKS, readTrace, type Operation } from './trace.ts';

export interface PowerLossOptions {
  readonly store: StoreName;
  readonly syncs?: SyncMode;
  readonly entries: number;
  readonly cuts: number;
  readonly seed: number;
  /** Number of variants besides `none` per cut. */
  readonly others: number;
}

export interface PowerLossResult {
  readonly tallies: Tallies;
  readonly operations: number;
  readonly syncs: number;
  readonly checkpoints: number;
  readonly walResets: number;
  readonly acks: number;
}

/** Duration added to each sync in microseconds, so that commits happen during syncs on any disk. */
const EXTRA_SYNC_US = 500;

/** Records a process that uses a store, and simulates power cuts at many positions of the trace. */
export async function simulatePowerLoss(options: PowerLossOptions): Promise<PowerLossResult> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'power-loss-'));
  const images = mkdtempSync(join(memoryFolder(), 'power-loss-'));
  try {
    const trace = await recordTrace(folder, options);
    const operations = readTrace(trace);
    checkTrace(operations, join(folder, 'disk'));
    return { tallies: await inspectAll(trace, images, options), ...countIn(operations) };
  } finally {
    for (const each of [folder, images]) rmSync(each, { recursive: true, force: true });
  }
}

async function recordTrace(folder: string, options: PowerLossOptions): Promise<string> {
  const { store, syncs = 'all', entries } = options;
  const disk = join(folder, 'disk');
  const trace = join(folder, 'trace');
  mkdirSync(disk);
  const { signal, errors } = await spawnScript(
    'recorded-process.ts',
    [store, disk, String(entries)],
    {
      LD_PRELOAD: buildShim(folder),
      POWER_LOSS_DIR: disk,
      POWER_LOSS_TRACE: trace,
      POWER_LOSS_SYNC: syncs,
      POWER_LOSS_SYNC_US: String(EXTRA_SYNC_US),
      // io_uring bypasses the shim.
      UV_USE_IO_URING: '0',
    },
  );
  if (signal !== 'SIGKILL') throw new Error(`the recorded process failed:\n${errors}`);
  return trace;
}

/** Checks that replaying all operations gives the files on the disk: the shim has missed none. */
function checkTrace(operations: readonly Operation[], folder: string): void {
  // The process still sees writes that a failed sync did not bring to disk.
  const disk = createDisk((changes) => changes);
  for (const operation of operations) disk.apply(operation);
  const image = cutPower(disk, 'all', () => 0);
  const found = readdirSync(folder).filter((name) => name !== ACKS && !name.endsWith('-shm'));
  const wrong = [...new Set([...image.keys(), ...found])].filter(
    (name) => !found.includes(name) || !image.get(name)?.equals(readFileSync(join(folder, name))),
  );
  if (wrong.length > 0) throw new Error(`the trace is incomplete: ${wrong.join(', ')} differ`);
}

async function inspectAll(
  trace: string,
  images: string,
  options: PowerLossOptions,
): Promise<Tallies> {
  const { store, cuts, seed, others } = options;
  const shares = availableParallelism();
  const tallies = emptyTallies();
  await Promise.all(
    Array.from({ length: shares }, (_, share) => {
      const folder = join(images, String(share));
      const job = { store, cuts, seed, others, share, shares, done: 0, folder };
      return inspectShare(trace, job, tallies);
    }),
  );
  return tallies;
}

/** Restarts the process after a crash, and counts the crash: it would have hit an application. */
async function inspectShare(trace: string, job: InspectOptions, tallies: Tallies): Promise<void> {
  for (let { done } = job; ;) {
    const options = JSON.stringify({ ...job, done } satisfies InspectOptions);
    const { output, errors, code } = await spawnScript('inspect-process.ts', [trace, options]);
    const inspections = output.split('\n').filter(Boolean).map(toInspection);
    for (const inspection of inspections) {
      if (inspection.finding) recordFinding(tallies, inspection, inspection.finding);
    }
    const last = inspections.at(-1);
    if (code === 0) return;
    if (!last || last.finding) throw new Error(`an inspecting process failed:\n${errors}`);
    const unusable = `the process ended: ${errors.slice(0, 300)}`;
    recordFinding(tallies, last, { added: 0, settled: 0, lost: [], wrong: [], unusable });
    done += inspections.filter(({ finding }) => !finding).length;
  }
}

const toInspection = (line: string): Inspection => JSON.parse(line) as Inspection;

/** Counts what happened in a trace, by the names that files were created with. */
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
    if (name.endsWith('-wal') && step.offset === 0 && !isFirstWal(step.data)) count.walResets += 1;
    if (name.endsWith('.db') && before.endsWith('-wal')) count.checkpoints += 1;
    before = name;
  }
  return count;
}

/** Reads the checkpoint sequence number in the header of a -wal file. */
const isFirstWal = (header: Buffer): boolean => header.readUInt32BE(12) === 0;

/** Returns a folder in memory if possible: only the recorded process needs a real disk. */
function memoryFolder(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}
