// Type-checks the whole workspace, then every package under its own, stricter tsconfig.json.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

import { publicPackages, root } from './packages.mjs';

function projectsOf({ dir }) {
  const inSource = readdirSync(join(dir, 'src'), { recursive: true, withFileTypes: true })
    .filter(({ name }) => name === 'tsconfig.json')
    .map(({ parentPath, name }) => join(parentPath, name));
  return [join(dir, 'tsconfig.json'), ...inSource];
}

const projects = [join(root, 'tsconfig.json'), ...publicPackages().flatMap(projectsOf)];

for (const project of projects) {
  console.log(relative(root, project));
  // Without its own tsconfig.json a package would be checked by the root's rules only.
  if (!existsSync(project)) {
    console.log('    is missing');
    process.exitCode = 1;
    continue;
  }
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '--noEmit', '-p', project], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}
