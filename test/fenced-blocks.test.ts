import { toSimulatorOptions } from '@novita-webhooks/simulator';
import { describe, expect, test } from 'vitest';

import { RUNTIME_GUIDES, snippetsErrors } from './support/snippet-types.ts';
import { projectFiles, read, readJson } from './support/workspace.ts';

// Each block of code in a README or guide fits the types, and each command exists, whether or not
// another test runs it. check-examples.mjs runs the READMEs of the examples.

interface Block {
  readonly file: string;
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

const isGuide = (file: string) =>
  /^(README|CONTRIBUTING|SECURITY|docs\/[\w-]+|(packages\/[\w-]+|bench)\/README)\.md$/.test(file);

function blocksOf(file: string): Block[] {
  const text = read(file);
  return [...text.matchAll(/^ *```(\w*)\n(.*?)^ *```$/gms)].map((match) => {
    const [, language = '', code = ''] = match;
    const line = text.slice(0, match.index).split('\n').length;
    return { file, line, language, code };
  });
}

const guides = projectFiles().filter(isGuide);
const blocks = guides.flatMap(blocksOf);

/** Nothing more is known of these languages. A new language gets a check, or a place in this list. */
const UNCHECKED = ['', 'mermaid', 'nginx', 'sql', 'text'];

test('guides: each language of a block is checked', () => {
  const languages = new Set(blocks.map(({ language }) => language));
  expect([...languages].filter((language) => !UNCHECKED.includes(language)).sort()).toEqual([
    'js',
    'json',
    'sh',
    'ts',
  ]);
});

const jsonBlocks = blocks.filter(({ language }) => language === 'json');

test.each(jsonBlocks.map(({ file, line, code }) => [file, line, code] as const))(
  'guides: the block of JSON %s:%i is valid; a scenario is one that the simulator takes',
  (_file, _line, code) => {
    const value = JSON.parse(code) as object;
    if ('faults' in value) expect(() => toSimulatorOptions(value)).not.toThrow();
  },
);

/** What blocks use of the code around them. */
const AMBIENT = `
  declare const receiver: import('@novita-webhooks/core').Receiver<Record<string, unknown>, any>;
  declare const createReceiver: typeof import('@novita-webhooks/core').createReceiver;
  declare const novitaWebhooks: typeof import('@novita-webhooks/express').novitaWebhooks;
  declare const sqliteInbox: typeof import('@novita-webhooks/inbox-sqlite').sqliteInbox;
  declare const postgresInbox: typeof import('@novita-webhooks/inbox-postgres').postgresInbox;
  declare const Pool: typeof import('pg').Pool;
  declare const app: import('express').Express;
  declare const server: import('node:http').Server;
  declare const webhooks: import('@novita-webhooks/express').NovitaWebhooks;
  declare const morgan: { token(name: string, read: (request: { originalUrl: string }) => string): void };
  declare function pinoHttp(options: {
    serializers: { req(request: { url: string }): unknown };
  }): import('express').RequestHandler;
  declare const secret: string;
  declare const databaseUrls: readonly string[];
  declare const order: { readonly id: string };
  declare function hash(text: string): number;
  declare const body: { readonly extra: { webhook?: unknown } };
  declare function download(url: string | undefined): Promise<string>;`;

/** The later blocks of these guides continue the first one. */
const CONTINUING = [
  'docs/missed-webhooks.md',
  'docs/novita-sdk.md',
  'docs/testing-your-handlers.md',
];

function withFirst({ file, code }: Block): string {
  const first = blocks.find((block) => block.file === file && block.language === 'ts');
  if (!CONTINUING.includes(file) || first === undefined || first.code === code) return code;
  return first.code + code.replace(/^import .* from '\.\/handlers\.js';$/m, '');
}

describe('guides: each block of TypeScript fits the types', () => {
  const isChecked = ({ file, language }: Block) =>
    language === 'ts' && !RUNTIME_GUIDES.some((guide) => guide === file); // see guides.test.ts
  const checked = blocks.filter(isChecked);
  const errors = snippetsErrors(checked.map(withFirst), { ambient: AMBIENT });

  test.each(checked.map(({ file, line }, index) => [file, line, index] as const))(
    '%s:%i',
    (_file, _line, index) => {
      expect(errors[index]).toEqual([]);
    },
  );
});

/** The test that runs the blocks of JavaScript of a guide. */
const RUN: Readonly<Record<string, string>> = {
  'README.md': 'test/readme.test.ts',
  'docs/your-own-engine.md': 'test/your-own-engine.test.ts',
  'packages/inbox-postgres/README.md': 'test/readme.test.ts',
};

test('guides: each block of JavaScript is run by a test', () => {
  const files = new Set(blocks.flatMap(({ file, language }) => (language === 'js' ? [file] : [])));
  expect([...files].sort()).toEqual(Object.keys(RUN).sort());
  for (const [file, by] of Object.entries(RUN)) {
    expect(read(by)).toContain(`'${file}'`);
    expect(read(by)).toMatch(/codeBlocks\([^)]*'js'\)/);
  }
});

interface Manifest {
  readonly name?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const manifests = projectFiles()
  .filter((file) => /(^|\/)package\.json$/.test(file))
  .map((file) => readJson(file) as Manifest);
const knownPackages = new Set(
  manifests.flatMap(({ name = '', dependencies, devDependencies }) => [
    name,
    ...Object.keys({ ...dependencies, ...devDependencies }),
  ]),
);
const { scripts = {} } = readJson('package.json') as Manifest;
const COMMANDS = [
  /^npx @novita-webhooks\/simulator (start|trigger)( |$)/,
  /^npx novita-webhooks (serve|trigger|url|doctor|simulate|completion)( |$)/,
  /^npx novita-webhooks inbox (stats|list|groups|show|replay|discard|export|import)( |$)/,
];

/** What a reader runs in a project of their own. */
const OF_THE_READER =
  /^(npx tsc --noEmit --strict --module nodenext --types node (server|orders)\.mts|npx tsx (server|orders)\.mts|node (server|orders)\.mjs|echo … > secret\.sh|\. \.\/secret\.sh)$/;

/** The commands of a block, with `…` for quoted texts, without comments and variables. */
function commandsOf(code: string): string[] {
  return code
    .replaceAll(/'[^']*'|"[^"]*"/g, '…')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*/, '').replace(/^(export )?([A-Z_]+=\S+\s*)+/, ''))
    .map((line) => line.trim().replaceAll(/\s+/g, ' '))
    .filter((line) => line !== '');
}

/** What is wrong with a command; `undefined` if nothing is known to be. */
function faultOf(command: string): string | undefined {
  const [, added] = /^(?:npm install|pnpm add|yarn add) (.*)/.exec(command) ?? [];
  if (added !== undefined) {
    const names = added.split(' ').filter((word) => !word.startsWith('-'));
    return names.find((name) => !knownPackages.has(name));
  }
  if (OF_THE_READER.test(command)) return undefined;
  const [, script] = /^npm (?:run )?([\w:]+)/.exec(command) ?? [];
  if (script !== undefined) return script in scripts ? undefined : script;
  const isKnown =
    COMMANDS.some((known) => known.test(command)) || /^(curl|git|docker compose) /.test(command);
  return isKnown ? undefined : command;
}

const shell = blocks.filter(({ language }) => language === 'sh');

test.each(shell.map(({ file, line, code }) => [file, line, code] as const))(
  'guides: the commands of %s:%i exist',
  (_file, _line, code) => {
    const faults = commandsOf(code).flatMap((command) => faultOf(command) ?? []);
    expect(faults).toEqual([]);
  },
);

test('guides: a command that does not exist is found', () => {
  const code =
    'npm install no-such-package # comment\nnpm run nothing\nnpx @novita-webhooks/simulator stop';
  expect(commandsOf(code).map(faultOf)).toEqual([
    'no-such-package',
    'nothing',
    'npx @novita-webhooks/simulator stop',
  ]);
});

/** What brings a command of `npx`, where it is not the package of that name. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  tsc: 'typescript',
  'novita-webhooks': '@novita-webhooks/cli',
};
/** The start of a command that runs in a clone of this repository, which has its tools. */
const IN_A_CLONE = /^npx tsx (test|bench)\//;

/** The commands of a page for which `npx` would ask whether to install something. */
function askingCommands(text: string): string[] {
  const installed = new Set(
    [...text.matchAll(/npm install ([^`\n]+)/g)].flatMap(([, names = '']) => names.split(' ')),
  );
  const commands = [...text.matchAll(/\bnpx [^`\n]+/g)].map(([command]) => command);
  return commands.filter((command) => {
    const [, name = ''] = command.split(' ');
    return (
      name !== '--yes' && !IN_A_CLONE.test(command) && !installed.has(PACKAGE_OF[name] ?? name)
    );
  });
}

const ofReaders = guides.filter((file) => !/^(CONTRIBUTING|docs\/files)\.md$/.test(file));

test.each(ofReaders)('guides: no command of %s makes npx ask', (file) => {
  expect(askingCommands(read(file))).toEqual([]);
});

test('guides: a command that makes npx ask is found', () => {
  expect(askingCommands('`npm install tsx`: `npx tsx a.mts`, `npx tsc a.mts`')).toEqual([
    'npx tsc a.mts',
  ]);
});
