import { DIRECTORY, type Operation } from './trace.ts';

/** A change of a file's content that no sync has covered yet. */
export type Change = Extract<Operation, { kind: 'write' | 'truncate' }>;
/** A change of the directory that no sync of the directory has covered yet. */
export type Renaming = Extract<Operation, { kind: 'create' | 'unlink' | 'rename' }>;

/** Something that is surely on the disk, and what may or may not have reached it since. */
interface Layered<Durable, Pending> {
  durable: Durable;
  pending: { readonly at: number; readonly operation: Pending }[];
}

/**
 * The model of a disk. It promises less than ext4, XFS or APFS do:
 *
 * - A write, truncation or extension is durable only when a sync of that file that *began after
 *   it* has ended (fsync and fdatasync alike: the size is data). Until then any part of it may be
 *   there, whatever the state of later and earlier ones.
 * - A name (creation, unlink, rename) is durable only when a sync of the directory that began after
 *   it has ended. Syncing a new file does not make its name durable, as it would on ext4.
 * - After a sync that failed, nothing that it should have covered is tried again: a later sync that
 *   succeeds says nothing about it (Linux marks the pages clean and reports the error once).
 * - What was synced stays, and a write leaves the bytes next to it alone ("powersafe overwrite",
 *   which SQLite assumes as well).
 */
export interface Disk {
  readonly files: ReadonlyMap<number, Layered<Buffer, Change>>;
  readonly names: Layered<ReadonlyMap<string, number>, Renaming>;
  /** Goes up whenever something became durable. */
  readonly version: number;
  apply(operation: Operation): void;
}

/** Which changes are on the disk after a sync that should have covered them has failed. */
export type Survivors = (changes: readonly Change[]) => readonly Change[];

export function createDisk(afterFailure: Survivors): Disk {
  const files = new Map<number, Layered<Buffer, Change>>();
  const names: Disk['names'] = { durable: new Map(), pending: [] };
  const begun = new Map<number, number>();
  let clock = 0;
  let version = 0;

  const sync = (file: number, until: number, survivors: Survivors) => {
    if (file === DIRECTORY) {
      names.durable = rename(names.durable, takeUntil(names.pending, until));
      version += 1;
      return;
    }
    const layers = fileOf(files, file);
    const synced = takeUntil(layers.pending, until);
    if (synced.length > 0) version += 1;
    layers.durable = change(layers.durable, survivors(synced));
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
  return {
    files,
    names,
    get version() {
      return version;
    },
    apply,
  };
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

/** The directory after some changes. */
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

/** A file's content after some changes, in their order. A hole reads as zeros. */
export function change(content: Buffer, changes: readonly Change[]): Buffer {
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
