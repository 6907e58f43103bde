// The code blocks of documents, run as somebody would who pasted them into a file.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { root } from './workspace.ts';

/** The blocks of a Markdown file in one language, in order. */
export async function codeBlocks(file: string, language = 'ts'): Promise<string[]> {
  const markdown = await readFile(join(root, file), 'utf8');
  const blocks = markdown.matchAll(/^```(\w+)\n(.*?)^```$/gms);
  return [...blocks].flatMap(([, of, code = '']) => (of === language ? [code] : []));
}

/**
 * Runs code as somebody would who pasted it into a file. Resolves once it printed `wanted`, and
 * ends it after `beforeTheEnd`.
 */
export async function runUntil(
  code: string,
  wanted: RegExp,
  env: Record<string, string>,
  beforeTheEnd: () => Promise<void> = async () => undefined,
): Promise<string> {
  // Beside the sources, so that package names resolve to them.
  const folder = await mkdtemp(join(root, 'test', '.readme-'));
  await writeFile(join(folder, 'snippet.mts'), code);
  // Not the tsx command: ended, that would leave its own child behind.
  const child = spawn(process.execPath, ['--import', 'tsx', join(folder, 'snippet.mts')], {
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
      child.on('exit', (status) => reject(new Error(`exit ${status}, printed: ${output}`)));
      setTimeout(() => reject(new Error(`not seen in: ${output}`)), 15_000).unref();
    });
    await beforeTheEnd();
    return printed;
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
}
