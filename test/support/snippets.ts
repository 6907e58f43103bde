import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { root } from './workspace.ts';

/** Reads the code blocks of a Markdown file in one language, in order. */
export async function codeBlocks(file: string, language = 'ts'): Promise<string[]> {
  const markdown = await readFile(join(root, file), 'utf8');
  const blocks = markdown.matchAll(/^```(\w+)\n(.*?)^```$/gms);
  return [...blocks].flatMap(([, of, code = '']) => (of === language ? [code] : []));
}

/**
 * Runs a code block as a file of its own. Resolves to its output once that matches `wanted`. Then
 * calls `beforeKill` and kills the process.
 *
 * @param file its name: `snippet.cjs` for a CommonJS module
 */
export async function runUntil(
  code: string,
  wanted: RegExp,
  env: Record<string, string>,
  beforeKill: () => Promise<void> = async () => undefined,
  file = 'snippet.mts',
): Promise<string> {
  // Inside the repository: package names resolve to the sources.
  const folder = await mkdtemp(join(root, 'test', '.readme-'));
  await writeFile(join(folder, file), code);
  // Not the tsx command: it starts a child process, which would survive a SIGKILL.
  const loader = file.endsWith('.cjs') ? ['--require', 'tsx/cjs'] : ['--import', 'tsx'];
  const child = spawn(process.execPath, [...loader, join(folder, file)], {
    cwd: folder,
    env: { ...process.env, ...env },
  });
  try {
    const printed = await new Promise<string>((resolve, reject) => {
      let output = '';
      const read = (chunk: Buffer) => {
        output += chunk.toString();
        if (wanted.test(output)) resolve(output);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.on('exit', (status) =>
        reject(new Error(`snippet: exited with ${status}, printed: ${output}`)),
      );
      setTimeout(
        () => reject(new Error(`snippet: no ${wanted.source} in: ${output}`)),
        50_000,
      ).unref();
    });
    await beforeKill();
    return printed;
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
}
