/** The process whose file operations are recorded: `recorded-process.ts <store> <folder> <entries>`. */
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { openStore, toStoreName } from './stores-under-test.ts';
import { ACKS } from './trace.ts';
import { runWorkload } from './workload.ts';

const [store = '', folder = '', entries = ''] = process.argv.slice(2);
const name = toStoreName(store);
const acks = openSync(join(folder, ACKS), 'a');

await runWorkload(
  {
    open: () => openStore(name, join(folder, 'inbox.db')),
    record: (line) => void writeSync(acks, `${line}\n`),
  },
  Number(entries),
);
// Skips every cleanup, so that the files of the open database can be compared with the trace.
process.kill(process.pid, 'SIGKILL');
