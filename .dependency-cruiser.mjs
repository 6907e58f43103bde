// Which file may import which: between packages, and between the folders of core.
// `npm run check:arrows` fails on every other import, type-only imports included.

const CORE = '@novita-webhooks/core';

/**
 * What the source of a package may import besides its own files. A new package starts with a row.
 *
 * - `imports`: packages from npm, and packages of this repository by their public entries
 * - `types`: those that only `import type` may name
 * - `bundled`: those whose code the build puts into dist, so that they are not installed with it
 * - `node`: whether it may import Node's built-in modules
 */
const PACKAGES = {
  core: { bundled: ['zod'] },
  testing: { imports: [CORE], node: true },
  express: { imports: [CORE], types: ['express'] },
  fastify: { imports: [CORE], types: ['fastify'] },
  koa: { imports: [CORE], types: ['koa'] },
  'inbox-sqlite': { imports: [CORE], bundled: ['zod'], node: true },
  'inbox-postgres': { imports: [CORE], bundled: ['zod'], node: true },
  'inbox-bullmq': { imports: [CORE, 'bullmq', 'ioredis'], node: true },
  simulator: { imports: [CORE, 'commander', 'zod'], node: true },
  cli: {
    imports: [
      CORE,
      ...[
        'express',
        'fastify',
        'koa',
        'inbox-sqlite',
        'inbox-postgres',
        'inbox-bullmq',
        'simulator',
      ].map((name) => `@novita-webhooks/${name}`),
      ...['commander', 'express', 'fastify', 'koa', 'pg', 'string-width'],
    ],
    node: true,
  },
};

/** What a folder of core/src may import besides its own files. Each imports only lower ones. */
const CORE_FOLDERS = {
  adapters: ['receiver', 'delivery', 'callback', 'events', 'shared'],
  receiver: [
    'self-check',
    'expectations',
    'delivery',
    'handlers',
    'inbox',
    'task-results',
    'callback',
    'events',
    'shared',
  ],
  'self-check': ['delivery', 'handlers', 'inbox', 'task-results', 'shared'],
  delivery: ['handlers', 'inbox', 'callback', 'events', 'shared'],
  expectations: ['delivery', 'handlers', 'callback', 'inbox', 'task-results', 'events', 'shared'],
  handlers: ['inbox', 'task-results', 'events', 'shared'],
  inbox: ['events', 'shared'],
  'task-results': ['events', 'shared'],
  callback: ['events', 'shared'],
  events: ['shared'],
  shared: [],
};

const CORE_SOURCE = 'packages/core/src';
const ENTRY = '(index|adapters/node/index|cli/index)\\.ts$';
const OURS = '@novita-webhooks/';

/** `receiver` is the files at the top of core/src, all others are folders. */
const pathOf = (folder) =>
  folder === 'receiver' ? `^${CORE_SOURCE}/(?!index)[\\w-]+\\.ts$` : `^${CORE_SOURCE}/${folder}/`;

/** The files behind a name that is imported. */
const targetOf = (name) =>
  name.startsWith(OURS)
    ? `^packages/${name.slice(OURS.length)}/src/${ENTRY}`
    : `^(|node_modules/|packages/cli/node_modules/)(@types/)?${name}(/|$)`;

const packageRules = Object.entries(PACKAGES).map(
  ([name, { imports = [], types = [], bundled = [], node = false }]) => ({
    name: `package-${name}`,
    comment: `packages/${name} may import what its row in PACKAGES says.`,
    from: { path: `^packages/${name}/src/` },
    to: {
      pathNot: [
        `^packages/${name}/(src/|package\\.json$)`,
        ...[...imports, ...types, ...bundled].map(targetOf),
      ],
      ...(node ? { dependencyTypesNot: ['core'] } : {}),
    },
  }),
);

const typeRules = Object.entries(PACKAGES)
  .filter(([, { types }]) => types !== undefined)
  .map(([name, { types }]) => ({
    name: `package-${name}-types`,
    comment: `packages/${name} may name ${types.join(', ')} by \`import type\` only.`,
    from: { path: `^packages/${name}/src/` },
    to: { path: types.map(targetOf), dependencyTypesNot: ['type-only'] },
  }));

const coreRules = Object.entries(CORE_FOLDERS).map(([folder, lower]) => ({
  name: `core-${folder}`,
  comment: `core/src: ${folder} may import what its row in CORE_FOLDERS says.`,
  from: { path: pathOf(folder) },
  to: { path: `^${CORE_SOURCE}/`, pathNot: [folder, ...lower].map(pathOf) },
}));

const rules = [
  ...packageRules,
  ...typeRules,
  ...coreRules,
  {
    name: 'package-without-row',
    comment: 'A new package starts with a row in PACKAGES.',
    from: {
      path: '^packages/[^/]+/src/',
      pathNot: `^packages/(${Object.keys(PACKAGES).join('|')})/`,
    },
    to: {},
  },
  {
    name: 'core-folder-without-row',
    comment: 'A new folder of core/src starts with a row in CORE_FOLDERS.',
    from: {
      path: `^${CORE_SOURCE}/`,
      pathNot: [`^${CORE_SOURCE}/index\\.ts$`, ...Object.keys(CORE_FOLDERS).map(pathOf)],
    },
    to: {},
  },
  {
    name: 'by-name-only',
    comment: "Another package is imported by its name, never by a path into its 'src'.",
    from: { path: '^((?:packages|examples)/[^/]+|bench|test)/' },
    to: {
      path: '^packages/[^/]+/src/',
      // The runtime tests use the HTTP client of the adapter contract, which is not public.
      pathNot: ['^$1/', '^packages/testing/src/contracts/adapter/support/http-client'],
      dependencyTypesNot: ['aliased-tsconfig-paths'],
    },
  },
  {
    name: 'public-entries-only',
    comment: 'An example imports what users can import.',
    from: { path: '^examples/' },
    to: { path: '^packages/', pathNot: `^packages/[^/]+/src/${ENTRY}` },
  },
  {
    name: 'examples-stand-alone',
    comment: 'An example can be copied: it imports its own files; its tests also test/support.',
    from: { path: '^(examples/[^/]+)/' },
    to: { path: '^(examples|bench|test|scripts)/', pathNot: ['^$1/', '^test/support/'] },
  },
  {
    name: 'no-own-entry',
    comment: 'A package imports its own files where they are, not through its entry.',
    from: { path: '^(packages/[^/]+/src)/' },
    to: { path: `^$1/${ENTRY}` },
  },
  {
    name: 'no-cycles',
    comment: 'Files that import each other can only be read together.',
    from: {},
    to: { circular: true },
  },
  {
    name: 'no-folder-cycles',
    comment: 'Folders of one package that import each other are one folder.',
    scope: 'folder',
    from: { path: '^packages/[^/]+/src/' },
    to: { circular: true },
  },
  {
    name: 'declared',
    comment: 'What a package imports is in its package.json.',
    // check-examples.mjs installs the frameworks of three examples; here they cannot be resolved.
    from: { path: '^(packages|examples)/[^/]+/src/', pathNot: '^examples/(nest|next|workers)/' },
    to: {
      dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown'],
      dependencyTypesNot: ['npm-peer'], // an optional peer is both
    },
  },
  ...Object.entries(PACKAGES).map(([name, { bundled = [] }]) => ({
    name: `package-${name}-shipped`,
    comment: 'What a package imports is installed with it or bundled: no development dependency.',
    from: { path: `^packages/${name}/src/` },
    to: {
      dependencyTypes: ['npm-dev'],
      dependencyTypesNot: ['npm', 'npm-peer'],
      pathNot: bundled.map(targetOf),
    },
  })),
];

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: rules.map((rule) => ({ severity: 'error', ...rule })),
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.d.ts', '.mjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'require', 'node', 'default'],
    },
    metrics: true,
  },
};
