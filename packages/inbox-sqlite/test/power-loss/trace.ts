import { readFileSync } from 'node:fs';

/** The file of acknowledgements, which is part of the trace but not of the disk. */
export const ACKS = 'acks';
/** The id of the traced directory itself. */
export const DIRECTORY = 1;

/** An operation that shim.c recorded, in the order in which it happened. */
export type Operation =
  | { readonly kind: 'create'; readonly file: number; readonly name: string }
  | {
      readonly kind: 'write';
      readonly file: number;
      readonly offset: number;
      readonly data: Buffer;
    }
  | { readonly kind: 'truncate'; readonly file: number; readonly size: number }
  | {
      readonly kind: 'sync begin' | 'sync end' | 'sync failed';
      readonly file: number;
      readonly sync: number;
    }
  | { readonly kind: 'unlink'; readonly name: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  /** A line of the history: an acknowledgement, or what the process is about to do. */
  | { readonly kind: 'ack'; readonly line: string };

const HEADER_BYTES = 24;

/** @throws Error when the trace has an operation that the model of the disk lacks */
export function readTrace(path: string): readonly Operation[] {
  const bytes = readFileSync(path);
  const operations: Operation[] = [];
  let acks = 0;
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at + 8);
    const operation = toOperation(
      bytes,
      at,
      bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length),
    );
    at += HEADER_BYTES + length;
    if (operation.kind === 'create' && operation.name === ACKS) acks = operation.file;
    else if (operation.kind === 'write' && operation.file === acks) {
      for (const line of linesOf(operation.data)) operations.push({ kind: 'ack', line });
    } else operations.push(operation);
  }
  return operations;
}

const linesOf = (data: Buffer): string[] => data.toString().trimEnd().split('\n');

function toOperation(bytes: Buffer, at: number, payload: Buffer): Operation {
  const kind = bytes.readUInt32LE(at);
  const file = bytes.readUInt32LE(at + 4);
  const value = Number(bytes.readBigUInt64LE(at + 16));
  switch (kind) {
    case 1:
      return { kind: 'create', file, name: payload.toString() };
    case 2:
      return { kind: 'write', file, offset: value, data: payload };
    case 3:
      return { kind: 'truncate', file, size: value };
    case 4:
      return { kind: 'sync begin', file, sync: value };
    case 5:
      return { kind: 'sync end', file, sync: value };
    case 6:
      return { kind: 'unlink', name: payload.toString() };
    case 7: {
      const [from = '', to = ''] = payload.toString().split('/');
      return { kind: 'rename', from, to };
    }
    case 9:
      return { kind: 'sync failed', file, sync: value };
    default:
      throw new Error(`the model of the disk lacks this operation: ${payload.toString()}`);
  }
}
