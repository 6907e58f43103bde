/** A process that inspects one share of the cuts and prints what it finds: `<trace> <options>`. */
import { writeSync } from 'node:fs';

import { inspectCuts, type InspectOptions } from './inspect-cuts.ts';
import { readTrace } from './trace.ts';

const [trace = '', options = ''] = process.argv.slice(2);
await inspectCuts(
  readTrace(trace),
  JSON.parse(options) as InspectOptions,
  // Synchronous: some drivers end the process when they read a damaged file.
  (inspection) => void writeSync(1, `${JSON.stringify(inspection)}\n`),
);
