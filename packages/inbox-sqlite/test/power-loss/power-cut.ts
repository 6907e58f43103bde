import { createRandom } from '../../../../test/support/random.ts';
import { applyChanges, rename, type Change, type Disk, type Renaming } from './disk.ts';

/** Returns numbers from 0 up to 1. */
type Random = () => number;

/**
 * Which unsynced changes survive a power cut:
 *
 * - `none`, `all`.
 * - `half`: each change with probability one half.
 * - `files`: all or none of each file, as if the kernel had written back only some files.
 * - `torn`: each 512-byte sector with probability 0.6.
 * - `garbage`: each sector has its old content, its new content or random bytes.
 */
export const variants = ['none', 'all', 'half', 'files', 'torn', 'garbage'] as const;
export type Variant = (typeof variants)[number];

const SECTOR_BYTES = 512;

/** The directory after the power cut: file contents by name. */
export type DiskImage = ReadonlyMap<string, Buffer>;

export function cutPower(disk: Disk, variant: Variant, random: Random): DiskImage {
  const pending = disk.names.pending.map(({ operation }) => operation);
  const image = new Map<string, Buffer>();
  for (const [name, file] of rename(disk.names.durable, survivingNames(pending, variant, random))) {
    const layers = disk.files.get(file);
    if (!layers) continue;
    const changes = layers.pending.map(({ operation }) => operation);
    image.set(name, applyChanges(layers.durable, survivingChanges(changes, variant, random)));
  }
  return image;
}

function survivingNames(
  pending: readonly Renaming[],
  variant: Variant,
  random: Random,
): readonly Renaming[] {
  if (variant === 'none') return [];
  if (variant === 'all') return pending;
  // Half the time all survive: with only some files, the database is mostly missing.
  return random() < 0.5 ? pending : pending.filter(() => random() < 0.5);
}

function survivingChanges(
  pending: readonly Change[],
  variant: Variant,
  random: Random,
): readonly Change[] {
  switch (variant) {
    case 'none':
      return [];
    case 'all':
      return pending;
    case 'files':
      return random() < 0.5 ? pending : [];
    case 'half':
      return pending.filter(() => random() < 0.5);
    case 'torn':
    case 'garbage':
      return pending.flatMap((step) => tear(step, variant, random));
  }
}

function tear(step: Change, variant: Variant, random: Random): readonly Change[] {
  if (step.kind === 'truncate') return random() < 0.5 ? [step] : [];
  return sectorsOf(step).flatMap((sector) => {
    const chance = random();
    if (chance < 0.4) return [];
    const isGarbage = variant === 'garbage' && chance > 0.8;
    return [isGarbage ? { ...sector, data: garbage(sector.data.length, random) } : sector];
  });
}

function sectorsOf(step: Extract<Change, { kind: 'write' }>): (typeof step)[] {
  const sectors: (typeof step)[] = [];
  for (let from = 0; from < step.data.length;) {
    const to = Math.min(
      step.data.length,
      from + SECTOR_BYTES - ((step.offset + from) % SECTOR_BYTES),
    );
    sectors.push({ ...step, offset: step.offset + from, data: step.data.subarray(from, to) });
    from = to;
  }
  return sectors;
}

const { between } = createRandom(1);
const GARBAGE = Buffer.from(Array.from({ length: 16 * SECTOR_BYTES }, () => between(0, 255)));

function garbage(length: number, random: Random): Buffer {
  const from = Math.floor(random() * (GARBAGE.length - length));
  return GARBAGE.subarray(from, from + length);
}
