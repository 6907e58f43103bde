/** A process that does a share of the cuts: `inspector.ts <trace> <options>`. Prints its looks. */
import { writeSync } from 'node:fs';

import { survey, type SurveyOptions } from './inspect-cuts.ts';
import { readTrace } from './trace.ts';

const [trace = '', options = ''] = process.argv.slice(2);
await survey(
  readTrace(trace),
  JSON.parse(options) as SurveyOptions,
  // At once: some drivers end the process when they come upon a damaged file.
  (look) => void writeSync(1, `${JSON.stringify(look)}\n`),
);
