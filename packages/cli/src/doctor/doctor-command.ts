import { parseHttpUrl, parseInteger } from '@novita-webhooks/simulator/cli';
import { InvalidArgumentError, Option, type Command } from 'commander';

import { DEFAULT_ENDPOINT } from '../inbox/filter-options.ts';
import { inboxOption } from '../inbox/inbox-option.ts';
import type { Console } from '../terminal/console.ts';
import { secretOption } from '../url/url-command.ts';
import { doctor, type DoctorOptions } from './doctor.ts';

const EXAMPLES = `
Examples:
  $ export NOVITA_WEBHOOK_SECRET=…           the secret of your receiver
  $ novita-webhooks doctor https://example.com/webhooks/novita
  $ novita-webhooks doctor http://localhost:3000/webhooks/novita --no-event --json
  $ NOVITA_API_KEY=… novita-webhooks doctor https://example.com/webhooks/novita --novita --inbox sqlite:webhooks.db

Without a server, with a tunnel that leads to port 3000 of this machine:
  $ NOVITA_API_KEY=… novita-webhooks doctor https://<name of the tunnel>/webhooks/novita --novita --listen 3000

--novita submits one task of test mode. If an endpoint ignores test mode, Novita runs the task and bills it.`;

const parseSubmit = (text: string): string => {
  if (/^[\w.-]+$/.test(text)) return text;
  throw new InvalidArgumentError('Pass the last part of a path, such as txt2img.');
};

/** Adds `doctor`, which says what is wrong with an endpoint. */
export const addDoctorCommand = (program: Command, console: Console): void => {
  program
    .command('doctor')
    .summary('say what is wrong with an endpoint')
    .description(
      'Looks at an endpoint as Novita would: address, certificate, route, token, redirects, sizes, answer ' +
        'times. Delivers one event of test mode, twice, which the receiver keeps and may handle. Exits ' +
        'with 1 if there is an error, with 3 if no server can be reached.',
    )
    .argument('<url>', '`url` of the receiver, or a callback URL', parseHttpUrl)
    .addOption(secretOption())
    .option('--endpoint <name>', 'endpoint of the receiver', DEFAULT_ENDPOINT)
    .option('--no-event', 'deliver no event that the receiver keeps')
    .option('--novita', 'also submit a task of test mode to Novita, and look for its event')
    .addOption(
      new Option('--api-key <key>', 'API key of Novita, for --novita').env('NOVITA_API_KEY'),
    )
    .option(
      '--base-url <url>',
      'API of Novita or a sister brand',
      parseHttpUrl,
      'https://api.novita.ai',
    )
    .option('--submit <endpoint>', 'endpoint of Novita below /v3/async', parseSubmit, 'txt2img')
    .option(
      '--submit-body <file>',
      'JSON for another endpoint than txt2img; `extra.webhook` is added',
    )
    .option(
      '--wait-s <seconds>',
      'how long --novita waits for the event',
      parseInteger(1, 3600),
      60,
    )
    .addOption(inboxOption())
    .option(
      '--listen <port>',
      'receive at this port of 127.0.0.1 while it looks',
      parseInteger(1, 65_535),
    )
    .option('--json', 'print the result as one JSON object, and errors as JSON on stderr')
    .addHelpText('after', EXAMPLES)
    .action((url: string, options: DoctorOptions) => doctor(url, options, console));
};
