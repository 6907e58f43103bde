import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const installed = dirname(require.resolve('bullmq/package.json'));
const cache = fileURLToPath(new URL('../../../../.cache/altered-bullmq', import.meta.url));

/** Methods that BullMQ declares as protected or private, or that take part in running a script. */
const METHODS = [
  'execCommand',
  'addJobToTransaction',
  'addStandardJob',
  'moveToActive',
  'moveToActiveArgs',
  'moveToFinished',
  'moveToFinishedArgs',
  'moveToCompletedArgs',
  'moveToFailedArgs',
  'retryFinishedJob',
  'moveStalledJobsToWait',
];

/**
 * A copy of the installed BullMQ as a later release may be: its scripts have other names and other
 * texts, they take another argument before their own, and inner methods are gone by their names.
 */
export function createAlteredBullmq(): { readonly main: string; remove(): void } {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'bullmq-'));
  cpSync(join(installed, 'dist/cjs'), join(folder, 'dist/cjs'), { recursive: true });
  cpSync(join(installed, 'package.json'), join(folder, 'package.json'));
  const scripts = alterScripts(join(folder, 'dist/cjs/scripts'));
  for (const file of filesIn(join(folder, 'dist/cjs/classes'))) {
    let text = readFileSync(file, 'utf8');
    for (const name of scripts) text = text.replaceAll(`'${name}'`, `'altered_${name}'`);
    for (const name of METHODS)
      text = text.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), `_${name}`);
    writeFileSync(file, file.endsWith('redis-queue-backend.js') ? moveArguments(text) : text);
  }
  return {
    main: join(folder, 'dist/cjs/index.js'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Returns the names of the scripts. */
function alterScripts(folder: string): string[] {
  return filesIn(folder)
    .filter((file) => readFileSync(file, 'utf8').includes('content'))
    .map((file) => {
      const text = readFileSync(file, 'utf8');
      const name = /name: '(\w+)'/.exec(text)?.[1] ?? '';
      const altered = text
        .replace(`name: '${name}'`, `name: 'altered_${name}'`)
        .replace('const content = `', 'const content = `table.remove(ARGV, 1)\n');
      writeFileSync(file, altered);
      return name;
    });
}

const EXECUTE = '_execCommand(client, commandName, args) {';

/** Sends another argument between the keys and the arguments of every script. */
function moveArguments(text: string): string {
  if (!text.includes(EXECUTE))
    throw new Error('BullMQ runs its scripts in another way: alter that');
  return `${text.replace(EXECUTE, `${EXECUTE} args = alter(commandName, args);`)}
function alter(commandName, args) {
  const { keys } = Object.values(require('../scripts')).find(({ name }) => name === commandName);
  return [...args.slice(0, keys), 'altered', ...args.slice(keys)];
}
`;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.js'))
    .map((file) => join(folder, file));
}
