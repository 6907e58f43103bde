// Loses webhooks and kills servers, and counts the results that no handler got.
//   npm run test:missed -- --engine postgres --tasks 10000
// Options: --engine (default sqlite), --tasks (1000), --kill-every-ms (3000), --without-webhooks.
import { parseArgs } from 'node:util';

import { engines } from '../crash/engines/index.ts';
import { runMissed } from './run-missed.ts';

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'sqlite' },
    tasks: { type: 'string', default: '1000' },
    'kill-every-ms': { type: 'string', default: '3000' },
    'without-webhooks': { type: 'boolean', default: false },
  },
});
if (!Object.hasOwn(engines, values.engine)) {
  console.error(`--engine must be one of ${Object.keys(engines).join(', ')}`);
  process.exit(2);
}
const results = await runMissed({
  engine: values.engine,
  tasks: Number(values.tasks),
  killEveryMs: Number(values['kill-every-ms']),
  withoutWebhooks: values['without-webhooks'],
  onProgress: (handled) => console.log(`${handled} tasks handled`),
});
console.log({ ...results, missed: results.missed.length, forgedHandled: results.forgedHandled });
process.exitCode = results.missed.length + results.forgedHandled.length === 0 ? 0 : 1;
