import { bundleProgram } from '../support/bundle-program.ts';

/**
 * Bundles `server.ts` into one file. A run starts it hundreds of times, and starting it from source
 * would take most of the time.
 *
 * @param folder must be inside the repository
 */
export function bundleServer(folder: string): Promise<string> {
  return bundleProgram(new URL('server.ts', import.meta.url), folder);
}
