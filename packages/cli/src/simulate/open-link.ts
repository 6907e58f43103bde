import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Programs that open a link in the browser of the user. None of them is a shell. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/** Whether a link leads to the simulator. No other link is given to another program. */
const isLinkOf = (link: string, base: string): boolean =>
  URL.canParse(link) && new URL(link).origin === new URL(base).origin;

/**
 * Opens a link of the simulator in the browser.
 *
 * @param base URL of the simulator
 * @throws {Error} when no program opens it, or when the link leads elsewhere
 */
export const openLink = async (link: string, base: string): Promise<void> => {
  if (!isLinkOf(link, base)) throw new Error(`the link does not lead to ${base}`);
  const [program = 'xdg-open', ...args] = OPENERS[process.platform] ?? [];
  const child = spawn(program, [...args, link], { stdio: 'ignore' });
  child.unref(); // a browser may run longer than this command
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with exit code ${code ?? 'none'}`);
};
