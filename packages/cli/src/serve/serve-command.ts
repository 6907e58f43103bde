import { parseHttpUrl, parseInteger } from '@novita-webhooks/simulator/cli';
import { Option, type Command } from 'commander';

import { DEFAULT_ENDPOINT } from '../inbox/filter-options.ts';
import { inboxOption } from '../inbox/inbox-option.ts';
import type { Console } from '../terminal/console.ts';
import { secretOption } from '../url/url-command.ts';
import { FRAMEWORKS } from './frameworks.ts';
import { serve, type ServeOptions } from './serve.ts';

const EXAMPLES = `
Examples:
  $ novita-webhooks serve                    for a first try, with a secret of this run
  $ export NOVITA_WEBHOOK_SECRET="$(openssl rand -hex 32)"
  $ novita-webhooks serve --inbox sqlite:webhooks.db --out events.ndjson
  $ novita-webhooks serve --inbox sqlite:webhooks.db --exec 'jq -r .result.images[0].image_url | xargs curl -O'
  $ novita-webhooks serve --framework express
  $ novita-webhooks serve --port 8080 --url https://example.com/webhooks/novita --forward http://localhost:9000/`;

/** Adds `serve`, which receives events without any code. */
export const addServeCommand = (program: Command, console: Console): void => {
  program
    .command('serve')
    .summary('receive events without any code')
    .description(
      'Receives events and prints a line for each. With --exec, --forward and --out also passes ' +
        'them on; what fails is tried again, and is a dead letter of the inbox in the end. Ctrl-C ' +
        'or SIGTERM ends it when the events that run have ended.',
    )
    .addOption(inboxOption())
    .addOption(secretOption())
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 for a free one', parseInteger(0, 65_535), 3000)
    .option('--path <path>', 'path of the deliveries', '/webhooks/novita')
    .addOption(
      new Option('--framework <name>', 'run the receiver in an application of this framework')
        .choices(FRAMEWORKS)
        .default('node'),
    )
    .option(
      '--url <url>',
      'public address (default: http://localhost, port and path)',
      parseHttpUrl,
    )
    .option('--endpoint <name>', 'endpoint of the receiver', DEFAULT_ENDPOINT)
    .option('--exec <command>', 'run this in a shell for each event, with its JSON on stdin')
    .option('--forward <url>', 'POST the JSON of each event to this URL', parseHttpUrl)
    .option('--out <file>', 'append the JSON of each event to this file')
    .option('--json', 'print the JSON of each event on stdout, and errors as JSON on stderr')
    .addHelpText('after', EXAMPLES)
    .action((options: ServeOptions) => serve(options, console));
};
