import Database from 'libsql';
import { readFileSync } from 'node:fs';

/** Figures of something that went wrong are worse than none. */
export function check(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(`not a valid measurement: ${otherwise}`);
}

export interface Expected {
  readonly name: string;
  readonly path: string;
  /** The task ids that were acknowledged, one per line. */
  readonly ledger: string;
  readonly acknowledged: number;
  /** Handlers that ran to their end. */
  readonly handled: number;
}

/**
 * Every event that was acknowledged is in the file, done, once. Requests that were cut off at the
 * end of a round may be there as well; what was handled is exactly what the file holds.
 */
export function checkFile({ name, path, ledger, acknowledged, handled }: Expected): void {
  const ids = readFileSync(ledger, 'utf8').trimEnd().split('\n');
  check(ids.length === acknowledged, `${name}: the ledger has ${ids.length} of ${acknowledged}`);
  const database = new Database(path);
  try {
    const done =
      "SELECT task_id FROM novita_entries JOIN novita_events USING (id) WHERE state = 'done'";
    const rows = database.prepare(done).raw().all() as [string][];
    const inFile = new Set(rows.map(([id]) => id));
    const missing = ids.filter((id) => !inFile.has(id)).length;
    check(missing === 0, `${name}: ${missing} acknowledged events are not in the file as done`);
    const total = database.prepare('SELECT count(*) AS n FROM novita_entries').get() as {
      n: number;
    };
    check(total.n === inFile.size, `${name}: ${total.n} entries, ${inFile.size} of them done`);
    check(total.n === handled, `${name}: ${total.n} entries, ${handled} handled`);
  } finally {
    database.close();
  }
}
