import { build } from 'esbuild';
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
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
  const folder = createPublicFolder();
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

let driverFolder: string | undefined;

/**
 * Copies libsql and its dependencies to a folder that every user may read. Another user cannot load
 * it from the repository if that is below a folder with mode 700.
 */
export function copyDriver(): string {
  if (driverFolder !== undefined) return driverFolder;
  driverFolder = createPublicFolder();
  const modules = fileURLToPath(new URL('../../../../../node_modules', import.meta.url));
  for (const name of ['libsql', '@libsql', '@neon-rs', 'detect-libc']) {
    cpSync(join(modules, name), join(driverFolder, 'node_modules', name), { recursive: true });
  }
  return driverFolder;
}

function createPublicFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'novita-faults-'));
  folders.push(folder);
  chmodSync(folder, 0o755);
  return folder;
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
