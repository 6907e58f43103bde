// docs/command-line-reference.md: every command with its options, from the definitions that --help prints.
import { Command } from 'commander';

import { addCommands, PROGRAM } from '../../packages/cli/src/add-commands.ts';

const cell = (text) =>
  text.replace(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '\\<').trim();

/** What the help has after the options: examples, and what else there is to know. */
function afterHelp(command) {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text.slice(command.helpInformation().length).trim();
}

const table = (heading, rows) =>
  rows.length === 0
    ? []
    : [
        `| ${heading} | meaning |`,
        '| --- | --- |',
        ...rows.map((row) => `| ${row.join(' | ')} |`),
        '',
      ];

function describe(command, path) {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).filter((it) => it.name() !== 'help');
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  const usage = [path, ...help.commandUsage(command).split(' ').slice(path.split(' ').length)].join(
    ' ',
  );
  const after = afterHelp(command);
  const link = (name) => `[${name}](#${`${path} ${name}`.replaceAll(' ', '-')})`;
  return [
    ...[`## ${path}`, '', cell(command.description()), '', '```text', usage, '```', ''],
    ...table(
      'command',
      commands.map((it) => [link(it.name()), cell(help.subcommandDescription(it))]),
    ),
    ...table(
      'argument',
      help
        .visibleArguments(command)
        .map((it) => [`\`${it.name()}\``, cell(help.argumentDescription(it))]),
    ),
    ...table(
      'option',
      options.map((it) => [`\`${help.optionTerm(it)}\``, cell(help.optionDescription(it))]),
    ),
    ...(after === '' ? [] : ['```text', after, '```', '']),
    ...commands.flatMap((it) => describe(it, `${path} ${it.name()}`)),
  ];
}

/** The text of the page. */
export function describeCommands() {
  const program = new Command(PROGRAM.name).description(PROGRAM.description).version('');
  addCommands(program, {});
  return [
    '# Reference of the command novita-webhooks',
    '',
    'What `--help` prints after each command, on one page. Written by `npm run docs` from the definitions of the commands. [command-line.md](command-line.md) explains them, with output, exit codes and addresses of inboxes.',
    '',
    ...describe(program, PROGRAM.name),
  ].join('\n');
}
