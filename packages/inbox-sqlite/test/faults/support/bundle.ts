import { build } from 'esbuild';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const bundles = new Map<string, Promise<string>>();
const folders: string[] = [];

/** Bundles a script into one file that every user may read. From source it starts a second later. */
export function bundleScript(script: 'receiver-process.ts' | 'opener-process.ts'): Promise<string> {
  const bundling = bundles.get(script) ?? bundle(script);
  bundles.set(script, bundling);
  return bundling;
}

async function bundle(script: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'novita-faults-'));
  folders.push(folder);
  chmodSync(folder, 0o755);
  const outfile = join(folder, script.replace('.ts', '.mjs'));
  await build({
    entryPoints: [fileURLToPath(new URL(script, import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    tsconfig: fileURLToPath(new URL('../../../../../tsconfig.json', import.meta.url)),
    logLevel: 'error',
  });
  return outfile;
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
