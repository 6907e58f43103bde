import Database from 'libsql';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, writeSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';

import { cache } from './bundle.ts';
import { toEvent, type EventTemplate } from './event-template.ts';
import { deleteOnExit } from './clean-up.ts';
import { median } from './statistics.ts';

const SYNCS = 200;
const PAGE = Buffer.alloc(4096, 1);

/** Time of a sync of one page, in milliseconds. */
interface DiskFigures {
  /** In a growing file, like a new write-ahead log. */
  readonly growing: number;
  /** In a file that is overwritten, like a write-ahead log after its first checkpoint. */
  readonly overwriting: number;
}

function measureSyncs(folder: string): DiskFigures {
  const file = openSync(join(folder, 'syncs'), 'w');
  const measure = () =>
    median(
      Array.from({ length: SYNCS }, (_, index) => {
        const began = performance.now();
        writeSync(file, PAGE, 0, PAGE.length, index * PAGE.length);
        fdatasyncSync(file);
        return performance.now() - began;
      }),
    );
  try {
    return { growing: measure(), overwriting: measure() };
  } finally {
    closeSync(file);
  }
}

const GROUP = 50;
const INSERT_MS = 1000;

/** Measures SQLite alone: inserts per second in synced transactions of 50. */
function measureInserts(folder: string, template: EventTemplate): number {
  const database = new Database(join(folder, 'inserts.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec('CREATE TABLE events (id INTEGER PRIMARY KEY, body TEXT NOT NULL)');
  const insert = database.prepare('INSERT INTO events (body) VALUES (?)');
  const body = toEvent(template, crypto.randomUUID());
  const began = performance.now();
  let inserts = 0;
  while (performance.now() - began < INSERT_MS) {
    database.exec('BEGIN IMMEDIATE');
    for (let index = 0; index < GROUP; index += 1) insert.run(body);
    database.exec('COMMIT');
    inserts += GROUP;
  }
  const perSecond = (inserts / (performance.now() - began)) * 1000;
  database.close();
  return perSecond;
}

/** Measures and describes what the figures of a run depend on. */
export function describeMachine(template: EventTemplate): string {
  const folder = mkdtempSync(join(cache, 'machine-'));
  const remove = deleteOnExit(folder);
  const { growing, overwriting } = measureSyncs(folder);
  const inserts = measureInserts(folder, template);
  remove();
  const [load = 0] = loadavg();
  return [
    `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), load ${load.toFixed(1)} before the run`,
    `Node ${process.version} on ${process.platform}, events of ${template.bytes} bytes`,
    `fdatasync of a page: ${growing.toFixed(2)} ms (growing file), ${overwriting.toFixed(2)} ms (overwritten)`,
    `bare SQLite: ${inserts.toFixed(0)} inserts/s in synced groups of ${GROUP}`,
  ].join('\n');
}
