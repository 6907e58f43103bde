import {
  parseHttpUrl,
  parseInteger,
  parseJsonObject,
  parseStatus,
  requireSecret,
  signUrl,
} from '@novita-webhooks/simulator/cli';
import { Option, type Command } from 'commander';

import { DEFAULT_ENDPOINT } from '../inbox/filter-options.ts';
import type { Console } from '../terminal/console.ts';

interface UrlOptions {
  readonly secret?: string;
  readonly endpoint: string;
  readonly metadata?: ReturnType<typeof parseJsonObject>;
  readonly testMode?: ReturnType<typeof parseStatus>;
  readonly expiresInS?: number;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ export NOVITA_WEBHOOK_SECRET=…           the secret of your receiver
  $ novita-webhooks url https://example.com/webhooks/novita
  $ novita-webhooks url https://example.com/webhooks/novita --metadata '{"orderId":42}' --expires-in-s 3600`;

const MAX_EXPIRES_IN_S = 365 * 86_400;

/** Creates the option `--secret`. */
export const secretOption = (): Option =>
  new Option(
    '--secret <secret>',
    'secret of the receiver; other users of this machine can see arguments, not the environment',
  ).env('NOVITA_WEBHOOK_SECRET');

const mint = async (url: string, options: UrlOptions, { print }: Console): Promise<void> => {
  const { endpoint, metadata, testMode, expiresInS, json } = options;
  const secret = requireSecret(options.secret);
  const expiresInMs = expiresInS === undefined ? undefined : expiresInS * 1000;
  const signed = await signUrl(url, { secret, endpoint, metadata, testMode, expiresInMs });
  print(json ? JSON.stringify({ url: signed }) : signed);
};

/** Adds `url`, which mints a callback URL. */
export const addUrlCommand = (program: Command, console: Console): void => {
  program
    .command('url')
    .summary('mint a callback URL')
    .description(
      'Prints a callback URL for one task, as receiver.createCallback() mints it. Put it into ' +
        'extra.webhook.url of the submit call. The URL is a secret: it admits events.',
    )
    .argument('<url>', '`url` of the receiver', parseHttpUrl)
    .addOption(secretOption())
    .option('--endpoint <name>', 'endpoint of the receiver', DEFAULT_ENDPOINT)
    .option('--metadata <json>', 'JSON object that the handler gets', parseJsonObject)
    .option('--test-mode <status>', 'of a test mode submit: succeed or failed', parseStatus)
    .option(
      '--expires-in-s <seconds>',
      'how long the URL is valid (default: 7 days)',
      parseInteger(1, MAX_EXPIRES_IN_S),
    )
    .option('--json', 'print JSON on stdout, and errors as JSON on stderr')
    .addHelpText('after', EXAMPLES)
    .action((url: string, options: UrlOptions) => mint(url, options, console));
};
