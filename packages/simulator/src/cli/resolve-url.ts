import type { Command } from 'commander';

import { CommandError } from './errors.ts';
import { requireSecret, signUrl } from './sign-url.ts';
import type { Terminal } from './terminal.ts';
import { toFinalStatus, type TriggerOptions } from './trigger-options.ts';

const isSigned = (url: string): boolean => new URL(url).searchParams.has('token');

/** Options that only a token can carry, or that only matter for signing. */
const SIGNING_OPTIONS = { metadata: '--metadata', endpoint: '--endpoint', secret: '--secret' };

const listSigningFlags = (command: Command): string =>
  Object.entries(SIGNING_OPTIONS)
    .filter(([name]) => command.getOptionValueSource(name) === 'cli')
    .map(([, flag]) => flag)
    .join(', ');

const usageError = (message: string): never => {
  throw new CommandError('usage', message);
};

const UNSIGNED =
  'The URL has no token, so a receiver with a secret answers 401. ' +
  'Set NOVITA_WEBHOOK_SECRET or pass --secret <secret of the receiver>.';

/** Returns the URL with a token if it can: from the URL itself, or signed with the secret. */
export const resolveUrl = async (
  url: string,
  options: TriggerOptions,
  command: Command,
  { printError, colour }: Terminal,
): Promise<string> => {
  const { secret, endpoint, metadata, testMode } = options;
  if (isSigned(url)) {
    const flags = listSigningFlags(command);
    if (flags === '') return url;
    return usageError(`the URL already has a token. Leave out ${flags} or the token.`);
  }
  if (secret !== undefined) {
    const known = requireSecret(secret);
    const ofTest = testMode ? toFinalStatus(options) : undefined;
    const signing = { secret: known, endpoint, metadata, testMode: ofTest };
    return signUrl(url, signing).catch((error: unknown) =>
      usageError(error instanceof Error ? error.message : String(error)),
    );
  }
  if (command.getOptionValueSource('metadata') === 'cli') {
    return usageError(`--metadata travels in the token, and no secret is known. ${UNSIGNED}`);
  }
  printError(colour('yellow', UNSIGNED));
  return url;
};
