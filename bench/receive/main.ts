// Runs receive-process.ts as a bundle, without the helpers that tsx adds to each function.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { bundle } from '../lib/bundle.ts';
import { readEventTemplate } from '../lib/event-template.ts';

const { receive } = await bundle();
const child = spawn(process.execPath, [receive, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, BENCH_EVENT: JSON.stringify(readEventTemplate()) },
});
const [code] = (await once(child, 'exit')) as [number | null];
process.exitCode = code ?? 1;
