// Type-checks the whole workspace, then every package under its own, stricter tsconfig.json.
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
  // Without its own tsconfig.json a package would be checked by the root's rules only.
  if (!existsSync(project)) return { status: 1, said: 'is missing' };
  return capture(process.execPath, [tsc, '--noEmit', '-p', project], { cwd: root });
}

const results = await onAllCores(projects, check);
for (const [index, { status, said }] of results.entries()) {
  console.log(relative(root, projects[index]));
  if (said !== '') console.log(said);
  if (status !== 0) process.exitCode = 1;
}
