// Runs the Worker on this machine, in the runtime of Cloudflare. Do not deploy it.
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';

const { PORT = '3000', NOVITA_BASE_URL = 'https://api.novita.ai' } = process.env;
const { NOVITA_WEBHOOK_SECRET = '', NOVITA_API_KEY = '' } = process.env;
const origin = `http://127.0.0.1:${PORT}`;

const { outputFiles } = await build({
  entryPoints: ['src/worker.ts'],
  bundle: true,
  format: 'esm',
  target: 'es2022',
  conditions: ['workerd'],
  write: false,
});
const bindings = {
  ...{ NOVITA_BASE_URL, NOVITA_WEBHOOK_SECRET, NOVITA_API_KEY },
  PUBLIC_URL: process.env['PUBLIC_URL'] ?? origin,
};
const worker = new Miniflare({
  modules: true,
  script: outputFiles[0]?.text ?? '',
  compatibilityDate: '2026-04-01',
  host: '127.0.0.1',
  port: Number(PORT),
  bindings,
});
await worker.ready;
console.log(`listening at ${origin}`);

process.once('SIGTERM', () => void worker.dispose());
