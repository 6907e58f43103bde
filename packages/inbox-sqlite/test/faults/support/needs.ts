import { spawnSync } from 'node:child_process';

const isStrict = Boolean(process.env['CI'] ?? process.env['REQUIRE_SERVICES']);

/**
 * Returns whether a command that a test needs works on this machine. If not, prints a warning, and
 * the test is skipped. With `CI` or `REQUIRE_SERVICES` set, the test runs anyway and fails.
 */
export function works(what: string, command: string, args: readonly string[]): boolean {
  const { status, error } = spawnSync(command, args);
  if (status === 0 || isStrict) return true;
  console.error(
    `\n!!! NOT TESTED: ${what}. It needs \`${command} ${args.join(' ')}\`; ${String(error ?? `status ${status}`)}\n`,
  );
  return false;
}

const isRoot = process.getuid?.() === 0;
/** Spawn options for a user whom permissions restrict, which they do not for root. */
export const unprivileged: { uid?: number } = isRoot ? { uid: 65_534 } : {};
/** A command prefix that gives a process mounts of its own, which end with it. */
export const unshare: readonly string[] = ['unshare', isRoot ? '-m' : '-rm'];
export const canMount = (): boolean =>
  works('a full disk', 'unshare', [...unshare.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt']);
export const hasCompiler = (): boolean => works('a disk that fails to sync', 'cc', ['--version']);
