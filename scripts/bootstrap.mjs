// Makes a fresh clone ready: runs `npm ci` when node_modules is not what package-lock.json says.
// Runs before anything is installed, so it may use nothing but Node.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const inRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const readJson = (path) => JSON.parse(readFileSync(inRoot(path), 'utf8'));

const LOCK = inRoot('.cache/bootstrap.lock');
const LOCK_LIFE_MS = 10 * 60 * 1000;

function checkNode() {
  const range = readJson('package.json').engines.node;
  const [needed, current] = [range, process.version].map((text) => text.match(/\d+/g).map(Number));
  if (current[0] > needed[0] || (current[0] === needed[0] && current[1] >= needed[1])) return;
  console.error(`This project needs Node ${range}; this is ${process.version}.`);
  process.exit(1);
}

/** npm leaves a lock file of what it really installed in node_modules, as the last step. */
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
    // Optional packages for other platforms stay away.
    if (found === undefined) return optional === true;
    return (
      found.version === version && found.integrity === integrity && found.resolved === resolved
    );
  });
}

/** Whoever died while installing left its lock behind. */
function isStale() {
  try {
    if (Date.now() - statSync(LOCK).mtimeMs > LOCK_LIFE_MS) return true;
    process.kill(Number(readFileSync(LOCK, 'utf8')), 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** Two installs at once would delete each other's files: the second one waits for the first. */
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
  console.log('Installing the dependencies first (npm ci). This happens once.');
  // With NODE_ENV=production npm would leave out the tools that the next command needs.
  const { status } = spawnSync('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], {
    cwd: inRoot('.'),
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  process.exitCode = status ?? 1;
}

checkNode();
if (!isInstalled()) await withLock(install);
