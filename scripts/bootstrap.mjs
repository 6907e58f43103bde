// Installs the dependencies: runs `npm ci` if node_modules does not match package-lock.json.
// It runs before packages are installed, so it must use only Node.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const inRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const readJson = (path) => JSON.parse(readFileSync(inRoot(path), 'utf8'));

const LOCK = inRoot('.cache/bootstrap.lock');
const MAX_LOCK_AGE_MS = 10 * 60 * 1000;

function checkNode() {
  const range = readJson('package.json').engines.node;
  const [needed, current] = [range, process.version].map((text) => text.match(/\d+/g).map(Number));
  if (current[0] > needed[0] || (current[0] === needed[0] && current[1] >= needed[1])) return;
  console.error(`bootstrap: this is Node ${process.version}. Install Node ${range}.`);
  process.exit(1);
}

/** Compares package-lock.json with the lock file that npm writes to node_modules after an install. */
function isInstalled() {
  const wanted = readJson('package-lock.json').packages;
  let installed;
  try {
    installed = readJson('node_modules/.package-lock.json').packages;
  } catch {
    return false;
  }
  return Object.entries(wanted).every(([path, { version, integrity, resolved, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    // npm does not install optional packages for other platforms.
    if (found === undefined) return optional === true;
    return (
      found.version === version && found.integrity === integrity && found.resolved === resolved
    );
  });
}

/** Whether the lock is too old, or its process has ended. */
function isStale() {
  try {
    if (Date.now() - statSync(LOCK).mtimeMs > MAX_LOCK_AGE_MS) return true;
    process.kill(Number(readFileSync(LOCK, 'utf8')), 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** Concurrent installs delete each other's files, so a second process waits for the first. */
async function withLock(run) {
  mkdirSync(inRoot('.cache'), { recursive: true });
  for (;;) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (isStale()) rmSync(LOCK, { force: true });
      else await pause(200);
    }
  }
  try {
    run();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

function install() {
  if (isInstalled()) return;
  console.log('bootstrap: installing the dependencies with npm ci. This happens once.');
  // With NODE_ENV=production, npm would leave out the tools of the next command.
  const { status } = spawnSync('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], {
    cwd: inRoot('.'),
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  process.exitCode = status ?? 1;
}

checkNode();
if (!isInstalled()) await withLock(install);
