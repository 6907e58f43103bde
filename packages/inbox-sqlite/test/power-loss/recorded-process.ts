/** The process that the power is taken from: `victim.ts <subject> <folder> <entries>`. */
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { openSubject, toSubjectName } from './stores-under-test.ts';
import { ACKS } from './trace.ts';
import { work } from './workload.ts';

const [subject = '', folder = '', entries = ''] = process.argv.slice(2);
const name = toSubjectName(subject);
const acks = openSync(join(folder, ACKS), 'a');

await work(
  {
    open: () => openSubject(name, join(folder, 'inbox.db')),
    ack: (line) => void writeSync(acks, `${line}\n`),
  },
  Number(entries),
);
// Not a clean end: what an open database leaves behind is to be compared with the trace.
process.kill(process.pid, 'SIGKILL');
