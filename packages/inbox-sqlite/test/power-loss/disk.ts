import { DIRECTORY, type Operation } from './trace.ts';

/** A change of a file's content. */
export type Change = Extract<Operation, { kind: 'write' | 'truncate' }>;
/** A change of the directory. */
export type Renaming = Extract<Operation, { kind: 'create' | 'unlink' | 'rename' }>;

/** Content that is on the disk, and changes since then that may be on it. */
interface Layered<Durable, Pending> {
  durable: Durable;
  pending: { readonly at: number; readonly operation: Pending }[];
}

/**
 * A model of a disk with weaker guarantees than ext4, XFS or APFS:
 *
 * - A write, truncation or extension is durable only when a sync of that file has ended that *began
 *   after it*. This holds for fsync and fdatasync: the size is data. Until then any part of the
 *   change may be on the disk, independent of earlier and later changes.
 * - A name (creation, unlink, rename) is durable only when a sync of the directory has ended that
 *   began after it. Syncing a new file does not make its name durable, unlike on ext4.
 * - After a failed sync, the kernel does not write the covered changes again, and a later successful
 *   sync does not cover them. Linux marks the pages clean and reports the error once.
 * - Synced content stays, and a write does not change the bytes next to it. SQLite assumes this as
 *   well ("powersafe overwrite").
 */
export interface Disk {
  readonly files: ReadonlyMap<number, Layered<Buffer, Change>>;
  readonly names: Layered<ReadonlyMap<string, number>, Renaming>;
  apply(operation: Operation): void;
}

/** Chooses which changes are on the disk after a sync of them has failed. */
export type Survivors = (changes: readonly Change[]) => readonly Change[];

export function createDisk(afterFailure: Survivors): Disk {
  const files = new Map<number, Layered<Buffer, Change>>();
  const names: Disk['names'] = { durable: new Map(), pending: [] };
  const begun = new Map<number, number>();
  let clock = 0;

  const sync = (file: number, until: number, survivors: Survivors) => {
    if (file === DIRECTORY) {
      names.durable = rename(names.durable, takeUntil(names.pending, until));
      return;
    }
    const layers = fileOf(files, file);
    const synced = takeUntil(layers.pending, until);
    layers.durable = applyChanges(layers.durable, survivors(synced));
  };

  const apply = (operation: Operation) => {
    clock += 1;
    switch (operation.kind) {
      case 'create':
        files.set(operation.file, { durable: Buffer.alloc(0), pending: [] });
        names.pending.push({ at: clock, operation });
        break;
      case 'unlink':
      case 'rename':
        names.pending.push({ at: clock, operation });
        break;
      case 'write':
      case 'truncate':
        fileOf(files, operation.file).pending.push({ at: clock, operation });
        break;
      case 'sync begin':
        begun.set(operation.sync, clock);
        break;
      case 'sync end':
        sync(operation.file, begun.get(operation.sync) ?? 0, (changes) => changes);
        break;
      case 'sync failed':
        if (operation.file === DIRECTORY) break;
        sync(operation.file, begun.get(operation.sync) ?? 0, afterFailure);
        break;
      case 'ack':
    }
  };
  return { files, names, apply };
}

function fileOf<Layers>(files: ReadonlyMap<number, Layers>, file: number): Layers {
  const layers = files.get(file);
  if (!layers) throw new Error(`the trace uses file ${file} before it was created`);
  return layers;
}

function takeUntil<Pending>(
  pending: { readonly at: number; readonly operation: Pending }[],
  until: number,
): Pending[] {
  const count = pending.findIndex(({ at }) => at > until);
  return pending.splice(0, count < 0 ? pending.length : count).map(({ operation }) => operation);
}

/** Returns the directory after changes. */
export function rename(
  names: ReadonlyMap<string, number>,
  changes: readonly Renaming[],
): ReadonlyMap<string, number> {
  const after = new Map(names);
  for (const step of changes) {
    if (step.kind === 'create') after.set(step.name, step.file);
    else if (step.kind === 'unlink') after.delete(step.name);
    else {
      const file = after.get(step.from);
      after.delete(step.from);
      if (file !== undefined) after.set(step.to, file);
    }
  }
  return after;
}

/** Returns a file's content after changes, in their order. A hole reads as zeros. */
export function applyChanges(content: Buffer, changes: readonly Change[]): Buffer {
  const largest = changes.reduce((size, step) => Math.max(size, endOf(step)), content.length);
  const bytes = Buffer.alloc(largest);
  content.copy(bytes);
  let size = content.length;
  for (const step of changes) {
    if (step.kind === 'write') {
      step.data.copy(bytes, step.offset);
      size = Math.max(size, endOf(step));
    } else {
      if (step.size < size) bytes.fill(0, step.size, size);
      size = step.size;
    }
  }
  return bytes.subarray(0, size);
}

const endOf = (step: Change): number =>
  step.kind === 'write' ? step.offset + step.data.length : step.size;
