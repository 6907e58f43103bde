// Installs the packed packages into an empty project. Imports every entry from ESM and CommonJS, and
// compiles and runs test/consumer/receive.ts. Needs a build.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { entryNames, inTemporaryFolder, packAll, readJson, root, run } from './lib/packages.mjs';

const FORMATS = { esm: 'module', cjs: 'commonjs' };

/** Further packages that a user installs, in the versions of this workspace. */
const TOOLS = ['express', 'libsql', 'typescript', '@types/express', '@types/node'];

const writeJson = (path, value) => writeFileSync(path, JSON.stringify(value, null, 2));

function install(folder, packed) {
  const { devDependencies } = readJson(join(root, 'package.json'));
  const tarballs = packed.map(({ manifest, tarball }) => [
    manifest.name,
    `file:./${basename(tarball)}`,
  ]);
  const tools = TOOLS.map((name) => [name, devDependencies[name]]);
  writeJson(join(folder, 'package.json'), {
    private: true,
    dependencies: Object.fromEntries([...tarballs, ...tools]),
  });
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], folder);
}

/** Checks that both builds of every entry load and export the same names. */
function checkEntries(folder, names) {
  const program = `
    import assert from 'node:assert/strict';
    import { createRequire } from 'node:module';
    const require = createRequire(import.meta.url);
    const namesOf = (module) => Object.keys(module).sort();
    for (const name of ${JSON.stringify(names)}) {
      assert.deepEqual(namesOf(await import(name)), namesOf(require(name)), name);
    }`;
  run(process.execPath, ['--input-type=module', '--eval', program], folder);
}

/** Runs the installed command: `npx @novita-webhooks/simulator` finds the only bin of the package. */
function checkCommand(folder) {
  const program = `
    import assert from 'node:assert/strict';
    import { execFile } from 'node:child_process';
    import { once } from 'node:events';
    import { createServer } from 'node:http';
    import { promisify } from 'node:util';
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.end('{"status":"accepted"}'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = 'http://127.0.0.1:' + server.address().port + '/webhooks/novita';
    const npx = process.platform === 'win32' ? 'npx.cmd' : 'npx';
    const args = ['--no-install', '@novita-webhooks/simulator', 'trigger', url, '--json'];
    const secret = '0123456789abcdef0123456789abcdef';
    const env = { ...process.env, NOVITA_WEBHOOK_SECRET: secret };
    const { stdout } = await promisify(execFile)(npx, args, { env });
    assert.equal(JSON.parse(stdout).acknowledged, true);
    server.close();`;
  run(process.execPath, ['--input-type=module', '--eval', program], folder);
}

/** Runs the installed `novita-webhooks`: from nothing to an event in an inbox. */
function checkMainCommand(folder) {
  const program = `
    import assert from 'node:assert/strict';
    import { execFile, spawn } from 'node:child_process';
    import { once } from 'node:events';
    import { promisify } from 'node:util';
    const file = 'node_modules/@novita-webhooks/cli/dist/main.js';
    const env = { ...process.env, NOVITA_WEBHOOK_SECRET: '0123456789abcdef0123456789abcdef' };
    const run = async (...args) =>
      (await promisify(execFile)(process.execPath, [file, ...args], { env })).stdout;
    const inbox = 'sqlite:webhooks.db';
    const server = spawn(process.execPath, [file, 'serve', '--port', '0', '--inbox', inbox], { env });
    const url = await new Promise((resolve) => {
      let printed = '';
      server.stderr.setEncoding('utf8').on('data', (text) => {
        printed += text;
        if (printed.includes('Ctrl-C')) resolve(/http:\\S+/.exec(printed)[0]);
      });
    });
    assert.equal(JSON.parse(await run('trigger', url, '--json')).acknowledged, true);
    const listed = JSON.parse(await run('inbox', 'list', '--inbox', inbox, '--json'));
    assert.equal(listed.entries.length, 1);
    server.kill();
    await once(server, 'exit');`;
  run(process.execPath, ['--input-type=module', '--eval', program], folder);
}

function writeSources(folder) {
  for (const [name, type] of Object.entries(FORMATS)) {
    mkdirSync(join(folder, name));
    writeJson(join(folder, name, 'package.json'), { type });
    copyFileSync(join(root, 'test/consumer/receive.ts'), join(folder, name, 'receive.ts'));
  }
}

function compile(folder, compilerOptions) {
  const { module, exactOptionalPropertyTypes } = compilerOptions;
  const base = {
    target: 'ES2022',
    strict: true,
    // receive.ts reads images[0], which can be undefined.
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    types: ['node'],
  };
  const project = join(folder, `tsconfig.${module}.${exactOptionalPropertyTypes}.json`);
  writeJson(project, {
    compilerOptions: { ...base, ...compilerOptions },
    include: ['esm/*.ts', 'cjs/*.ts'],
  });
  const tsc = join(folder, 'node_modules/typescript/bin/tsc');
  run(process.execPath, [tsc, '-p', project], folder);
}

const stage = (name, work) => {
  const start = Date.now();
  work();
  console.log(`ok  ${name}, ${((Date.now() - start) / 1000).toFixed(1)} s`);
};

function checkTypes(folder) {
  for (const exactOptionalPropertyTypes of [false, true]) {
    for (const module of ['node16', 'nodenext']) {
      stage(`TypeScript, ${module}, exactOptionalPropertyTypes ${exactOptionalPropertyTypes}`, () =>
        compile(folder, { module, moduleResolution: module, exactOptionalPropertyTypes }),
      );
    }
    stage(`TypeScript, node10, exactOptionalPropertyTypes ${exactOptionalPropertyTypes}`, () =>
      compile(folder, {
        module: 'commonjs',
        moduleResolution: 'node10',
        esModuleInterop: true,
        noEmit: true,
        exactOptionalPropertyTypes,
      }),
    );
    stage(`TypeScript, bundler, exactOptionalPropertyTypes ${exactOptionalPropertyTypes}`, () =>
      compile(folder, {
        module: 'preserve',
        moduleResolution: 'bundler',
        noEmit: true,
        exactOptionalPropertyTypes,
      }),
    );
  }
}

await inTemporaryFolder((folder) => {
  const packed = packAll(folder);
  const names = packed.flatMap(({ manifest }) => entryNames(manifest));
  stage('npm install of the packed packages', () => install(folder, packed));
  stage(`import and require of ${names.join(', ')}`, () => checkEntries(folder, names));
  stage('npx @novita-webhooks/simulator trigger', () => checkCommand(folder));
  stage('novita-webhooks serve, trigger, inbox list', () => checkMainCommand(folder));
  writeSources(folder);
  checkTypes(folder);
  for (const format of Object.keys(FORMATS)) {
    stage(`receiving a delivery, ${format}`, () =>
      run(process.execPath, [join(format, 'receive.js')], folder),
    );
  }
});
