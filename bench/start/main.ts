// What it costs to import the packages and to keep entries in memory. Needs `npm run build`.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

import { printTable } from '../lib/print-table.ts';
import { readNumbers } from '../lib/read-numbers.ts';
import { runInTurns } from '../lib/run-in-turns.ts';
import { median, range } from '../lib/statistics.ts';

const { rounds, entries } = readNumbers({ rounds: 15, entries: 100_000 });
const folder = fileURLToPath(new URL('..', import.meta.url));

/** Packages that one process imports, and the case with which it is compared. */
interface Case {
  readonly imports: readonly string[];
  readonly alone?: string;
}

const CORE = '@novita-webhooks/core';
const FRAMEWORKS = ['express', 'fastify', 'koa'];
const INBOXES = ['sqlite', 'postgres', 'bullmq'].map((name) => `@novita-webhooks/inbox-${name}`);
const CASES: readonly Case[] = [
  { imports: [] },
  ...[CORE, ...INBOXES].map((name) => ({ imports: [name] })),
  ...FRAMEWORKS.flatMap((name): Case[] => [
    { imports: [name] },
    { imports: [name, `@novita-webhooks/${name}`], alone: name },
  ]),
];

/** Output of a script in a new Node process. */
function run(script: string, ...nodeArgs: string[]): string {
  const args = [...nodeArgs, '--input-type=module', '--eval', script];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`bench: a child process failed.\n${stderr}`);
  return stdout;
}

const nameOf = ({ imports }: Case) => imports.join(' + ') || 'nothing';

function importMs({ imports }: Case): number {
  const lines = imports.map((name) => `await import(${JSON.stringify(name)});`);
  const script = `const t = performance.now();\n${lines.join('\n')}\nconsole.log(performance.now() - t)`;
  return Number(run(script));
}

async function bundledBytes({ imports }: Case): Promise<number> {
  const { outputFiles } = await build({
    stdin: {
      contents: imports.map((name) => `export * from '${name}';`).join('\n'),
      resolveDir: folder,
    },
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    write: false,
    external: ['better-sqlite3', 'libsql', 'pg-native'],
    logLevel: 'silent',
  });
  return outputFiles.reduce((bytes, { contents }) => bytes + contents.byteLength, 0);
}

/** Resident memory of a receiver, idle and with that many pending entries of 1.3 KB. */
function residentBytes(pending: number): number {
  const script = `
    import { memoryInbox } from '${CORE}';
    const inbox = memoryInbox({ maxEntries: 1e9, maxBytes: 1e12 });
    const body = 'x'.repeat(1300);
    for (let i = 0; i < ${pending}; i += 1) {
      await inbox.add({ endpoint: 'novita', taskId: 'task-' + i, status: 'TASK_STATUS_SUCCEED',
        taskType: 'TXT_TO_IMG', body: body + i, schemaError: null, metadata: {}, testMode: false,
        receivedAt: 1, source: 'delivery', traceparent: null, tokenId: null });
    }
    globalThis.gc();
    console.log(process.memoryUsage().rss);`;
  return Number(run(script, '--expose-gc'));
}

const times = new Map<Case, number[]>(CASES.map((one) => [one, []]));
await runInTurns(rounds, CASES, async (one) => void times.get(one)?.push(importMs(one)));
const timesOf = (name: string) => [...times].find(([one]) => nameOf(one) === name)?.[1] ?? [];

const rows: string[][] = [];
for (const [one, measured] of times) {
  const alone = one.alone === undefined ? [] : timesOf(one.alone);
  const ratio = median(measured.map((ms, index) => ms / (alone[index] ?? NaN)));
  const kilobytes = one.imports.length === 0 ? NaN : (await bundledBytes(one)) / 1024;
  rows.push([
    nameOf(one),
    median(measured).toFixed(1),
    range(measured),
    Number.isNaN(ratio) ? '–' : ratio.toFixed(2),
    Number.isNaN(kilobytes) ? '–' : kilobytes.toFixed(0),
  ]);
}
printTable('Import', ['packages', 'ms', 'range', 'to framework alone', 'bundled KiB'], rows);
const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(0);
console.log(
  `Resident memory: ${mib(residentBytes(0))} MiB idle, ${mib(residentBytes(entries))} MiB with ${entries} pending entries in the memory inbox.`,
);
