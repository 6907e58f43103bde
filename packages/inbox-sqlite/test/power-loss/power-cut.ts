import { change, rename, type Change, type Disk, type Renaming } from './disk.ts';
import { createRandom, type Random } from './random.ts';

/**
 * What a power cut leaves of the unsynced changes: `none`; `all`; of every single one a coin's toss
 * (`half`); of every file all or none, as if one had been written back and the other not (`files`);
 * of every 512-byte sector a coin's toss (`torn`); of every sector the old, the new or nonsense
 * (`garbage`).
 */
export const variants = ['none', 'all', 'half', 'files', 'torn', 'garbage'] as const;
export type Variant = (typeof variants)[number];

const SECTOR = 512;

/** What is in the directory when the power is back: contents by name. */
export type Image = ReadonlyMap<string, Buffer>;

export function cutPower(disk: Disk, variant: Variant, random: Random): Image {
  const pending = disk.names.pending.map(({ operation }) => operation);
  const image = new Map<string, Buffer>();
  for (const [name, file] of rename(disk.names.durable, survivingNames(pending, variant, random))) {
    const layers = disk.files.get(file);
    if (!layers) continue;
    const changes = layers.pending.map(({ operation }) => operation);
    image.set(name, change(layers.durable, survivingChanges(changes, variant, random)));
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
  // Most creations on their own are a missing database, and tell nothing: all of them half the time.
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
    const spoilt = variant === 'garbage' && chance > 0.8;
    return [spoilt ? { ...sector, data: noise(sector.data.length, random) } : sector];
  });
}

function sectorsOf(step: Extract<Change, { kind: 'write' }>): (typeof step)[] {
  const sectors: (typeof step)[] = [];
  for (let from = 0; from < step.data.length;) {
    const to = Math.min(step.data.length, from + SECTOR - ((step.offset + from) % SECTOR));
    sectors.push({ ...step, offset: step.offset + from, data: step.data.subarray(from, to) });
    from = to;
  }
  return sectors;
}

const NONSENSE = nonsense(createRandom(1));

function nonsense(random: Random): Buffer {
  return Buffer.from(Array.from({ length: 16 * SECTOR }, () => Math.floor(random() * 256)));
}

function noise(length: number, random: Random): Buffer {
  const from = Math.floor(random() * (NONSENSE.length - length));
  return NONSENSE.subarray(from, from + length);
}
