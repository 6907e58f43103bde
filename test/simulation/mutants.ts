import type { Plugin } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';

import { bundleProgram } from '../support/bundle-program.ts';
import { root } from '../support/workspace.ts';

/** A deliberate bug: a change of one place in core. */
export interface Mutant {
  readonly name: string;
  /** Below packages/core/src. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Where the search for a seed that finds it begins; default 1. For bugs that few seeds find. */
  readonly firstSeed?: number;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the fencing token is ignored',
    file: 'inbox/memory/claim-entries.ts',
    find: 'return row?.fencingToken === claimRef.fencingToken ? row : undefined;',
    replace: 'return row;',
  },
  {
    name: 'a running entry is taken over at the first look',
    file: 'inbox/memory/claim-entries.ts',
    find: 'else if (!row.isOverdue) grantHeartbeat',
    replace: 'else if (row.order < 0) grantHeartbeat',
  },
  {
    name: 'a duplicate replaces the first event',
    file: 'inbox/memory/add-entry.ts',
    find: "if (existing !== undefined && !isReplaceable(existing.entry, entry)) return 'duplicate';",
    replace: '',
  },
  {
    name: 'an entry that waits for a retry is never due',
    file: 'inbox/memory/apply-outcome.ts',
    find: 'dueAt: now + outcome.delayMs }',
    replace: "dueAt: outcome.type === 'retry' ? null : now + outcome.delayMs }",
  },
  {
    name: 'heartbeats do not extend the lease',
    file: 'inbox/polling/lease.ts',
    find: 'const extended = await tryExtend(shown, this.options);',
    replace: 'const extended = undefined as boolean | undefined;',
  },
  {
    name: 'a lost lease does not abort its handler',
    file: 'inbox/polling/claim-pool.ts',
    find: "const onDoubt = () => abort.abort(new WebhookError('lease_lost', 'the lease was lost'));",
    replace: 'const onDoubt = () => undefined;',
    firstSeed: 1035,
  },
  {
    name: 'a takeover does not run alone',
    file: 'inbox/polling/claim-pool.ts',
    find: 'const turn = runsAlone(claim) ? idle() : undefined;',
    replace: 'const turn = undefined;',
  },
  {
    name: 'every worker comes for each entry that is due',
    file: 'inbox/polling/poll-loop.ts',
    find: 'pollIntervalMs < Infinity && tokens < 1',
    replace: 'pollIntervalMs < 0 && tokens < 1',
    firstSeed: 50, // the first scene with a hundred workers
  },
  {
    name: 'an event is acknowledged before it is added',
    file: 'delivery/add-to-inbox.ts',
    find: 'const adding = toImmediateAdd(options.inbox)(entry);',
    replace:
      "void options.inbox.add(entry).catch(() => undefined);\n    const adding = 'added' as unknown;",
  },
  {
    name: 'the signature of a token is ignored',
    file: 'callback/token.ts',
    find: 'isValid ? checkClaims',
    replace: 'isValid || mac.length > 20 ? checkClaims',
  },
  {
    name: 'an entry that ends its process is attempted for ever',
    file: 'handlers/attempt.ts',
    find: 'attempts > retry.maxAttempts && isTakeover',
    replace: 'attempts > 1000 * retry.maxAttempts && isTakeover',
  },
  {
    name: 'a retry forgets which handlers have succeeded',
    file: 'handlers/to-outcome.ts',
    find: "return { type: 'retry', delayMs, reason, succeededHandlers };",
    replace: "return { type: 'retry', delayMs, reason, succeededHandlers: [] };",
  },
  {
    name: 'confirm lets an unknown task pass',
    file: 'handlers/result-source.ts',
    find: "if (isWebhookError(error, 'task_not_found')) return unconfirmed(entry, error);",
    replace:
      "if (isWebhookError(error, 'task_not_found')) return fromEntry(entry, options.parsedResults);",
  },
  {
    name: 'confirm takes a running task for its result',
    file: 'handlers/result-source.ts',
    find: 'if (isProgress(status)) {',
    replace: 'if (isProgress(status) && entry.attempts < 0) {',
  },
  {
    name: 'submit does not wait for its expectation',
    file: 'expectations/submit-task.ts',
    find: 'if (isAwaited) await keepExpectation',
    replace: 'if (isAwaited) void keepExpectation',
  },
  {
    name: 'a key submits again',
    file: 'expectations/submit-task.ts',
    find: "if ((await fromInbox('submit', () => inbox.add(reserved))) === 'added') return null;",
    replace: 'await inbox.add(reserved);\n    if (reserved.endpoint.length > 0) return null;',
  },
  {
    name: 'the sweep takes a running task for its result',
    file: 'expectations/sweep.ts',
    find: "if (kind === 'progress') return null;",
    replace: "if (kind === 'progress' && payload['none'] === kind) return null;",
  },
  {
    name: 'the sweep asks the clock of the runtime',
    file: 'expectations/sweep.ts',
    find: 'const now = clock.now();',
    replace: 'const now = Date.now();',
  },
];

/** What a run of a mutant found. */
export interface MutantResult {
  readonly isCaught: boolean;
  readonly output: string;
  readonly ms: number;
}

const MAX_SEEDS = 500;
const CORE = join(root, 'packages/core/src');

/** @throws Error if the mutant fits no longer: its text must occur once */
export function mutate({ name, file, find, replace }: Mutant): string {
  const source = readFileSync(join(CORE, file), 'utf8');
  if (source.split(find).length !== 2) throw new Error(`${name}: not once in ${file}: ${find}`);
  return source.replace(find, () => replace);
}

/** Runs the simulation on a core with one deliberate bug, until a seed finds it. */
export async function runMutant(mutant: Mutant): Promise<MutantResult> {
  const contents = mutate(mutant);
  const plugin: Plugin = {
    name: 'mutant',
    setup({ onLoad }) {
      const filter = new RegExp(`packages/core/src/${mutant.file}$`);
      onLoad({ filter }, () => ({ contents, loader: 'ts' }));
    },
  };
  await mkdir(join(root, '.cache'), { recursive: true });
  const folder = await mkdtemp(join(root, '.cache/simulation-'));
  try {
    const program = await bundleProgram(
      new URL('main.ts', import.meta.url),
      folder,
      ['esbuild'],
      [plugin],
    );
    const startedAt = performance.now();
    const { firstSeed = 1 } = mutant;
    const args = [program, '--seed', String(firstSeed), '--seeds', String(MAX_SEEDS)];
    const run = spawnSync(process.execPath, args, { encoding: 'utf8' });
    const output = run.stdout + run.stderr;
    return { isCaught: run.status === 1, output, ms: performance.now() - startedAt };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
