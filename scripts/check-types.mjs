// Checks the types of the workspace, and of every package with its own, stricter tsconfig.json.
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

import { capture, onAllCores } from './lib/capture.mjs';
import { publicPackages, root } from './lib/packages.mjs';

function projectsOf({ dir }) {
  const inSource = readdirSync(join(dir, 'src'), { recursive: true, withFileTypes: true })
    .filter(({ name }) => name === 'tsconfig.json')
    .map(({ parentPath, name }) => join(parentPath, name));
  return [join(dir, 'tsconfig.json'), ...inSource];
}

const projects = [join(root, 'tsconfig.json'), ...publicPackages().flatMap(projectsOf)];

const tsc = join(root, 'node_modules/typescript/bin/tsc');

async function check(project) {
  // Every package must have its own tsconfig.json: the rules of the root are less strict.
  if (!existsSync(project)) return { status: 1, output: 'is missing' };
  return capture(process.execPath, [tsc, '--noEmit', '-p', project], { cwd: root });
}

const results = await onAllCores(projects, check);
for (const [index, { status, output }] of results.entries()) {
  console.log(relative(root, projects[index]));
  if (output !== '') console.log(output);
  if (status !== 0) process.exitCode = 1;
}
