import Database from 'libsql';
import { readFileSync } from 'node:fs';

/** Ends the run with an error: figures of a run that went wrong are misleading. */
export function check(condition: boolean, problem: string): void {
  if (!condition) throw new Error(`bench: invalid measurement: ${problem}`);
}

export interface Expected {
  readonly name: string;
  readonly path: string;
  /** File with the acknowledged task ids, one per line. */
  readonly acknowledgedFile: string;
  readonly acknowledged: number;
  /** Number of handlers that have ended. */
  readonly handled: number;
}

/**
 * Checks that the file has each acknowledged event once, as done, and that all its entries were
 * handled once. The file can also have events whose connection was closed at the end of a round.
 */
export function checkFile({ name, path, acknowledgedFile, acknowledged, handled }: Expected): void {
  const ids = readFileSync(acknowledgedFile, 'utf8').trimEnd().split('\n');
  check(
    ids.length === acknowledged,
    `${name}: ${ids.length} of ${acknowledged} task ids were written down`,
  );
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
