import { spawnSync } from 'node:child_process';

const isStrict = Boolean(process.env['CI'] ?? process.env['REQUIRE_SERVICES']);

/**
 * Whether a command works here, which some test needs. Where it does not, the test is skipped and
 * said so; with `REQUIRE_SERVICES` set it runs all the same, and fails.
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
/** Permissions bind everybody but root: who is that becomes nobody. */
export const nobody: { uid?: number } = isRoot ? { uid: 65_534 } : {};
/** Puts a process into mounts of its own, which end with it. */
export const unshare: readonly string[] = ['unshare', isRoot ? '-m' : '-rm'];
export const canMount = (): boolean =>
  works('a full disk', 'unshare', [...unshare.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt']);
export const hasCompiler = (): boolean => works('a disk that fails to sync', 'cc', ['--version']);
