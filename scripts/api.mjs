// Writes the public names and types of every package entry to etc/, where a change of them shows up
// in review. With --check it only says which reports are out of date. Needs a build.
//   node scripts/api.mjs [--check]
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

import { publicPackages, root } from './lib/packages.mjs';

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });

const ETC = join(root, 'etc');
const TEMPORARY = join(root, '.cache/api');
const silent = { logLevel: ExtractorLogLevel.None, addToApiReportFile: false };

/** `core.api.md` for `.`, `core-node.api.md` for `./node`. */
const reportName = (dir, subpath) =>
  [dir.split(/[\\/]/).at(-1), ...subpath.split('/').slice(1)].join('-') + '.api.md';

/** The entries of a package that hold code, with their type declarations for ESM. */
const entriesOf = ({ dir, manifest }) =>
  Object.entries(manifest.exports)
    .filter(([subpath]) => subpath !== './package.json')
    .map(
      ([
        subpath,
        {
          import: { types },
        },
      ]) => ({
        dir,
        subpath,
        types: join(dir, types),
        report: reportName(dir, subpath),
      }),
    );

const configure = ({ dir, subpath, types, report }) =>
  ExtractorConfig.prepare({
    configObject: {
      projectFolder: dir,
      mainEntryPointFilePath: types,
      compiler: { overrideTsconfig: { compilerOptions: COMPILER } },
      apiReport: {
        enabled: true,
        reportFileName: report,
        reportFolder: ETC,
        reportTempFolder: TEMPORARY,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: {
          default: silent,
          // A type that users meet and cannot name; what `/node` lacks is in the main entry.
          'ae-forgotten-export': { ...silent, addToApiReportFile: subpath === '.' },
        },
        tsdocMessageReporting: { default: silent },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(dir, 'package.json'),
  });

const COMPILER = {
  target: 'ES2023',
  lib: ['ES2023'],
  module: 'ESNext',
  moduleResolution: 'Bundler',
  types: ['node'],
  strict: true,
  skipLibCheck: true,
};

function report(entry) {
  if (!existsSync(entry.types)) throw new Error(`api: ${entry.types} is missing. Run a build.`);
  const { apiReportChanged, errorCount } = Extractor.invoke(configure(entry), {
    localBuild: !values.check,
    showVerboseMessages: false,
    messageCallback(message) {
      // It would print how it was called and where it copies files to.
      if (message.category === 'console') message.handled = true;
    },
  });
  if (errorCount > 0) return [`api: the types of ${entry.report} have errors.`];
  if (!apiReportChanged || !values.check) return [];
  return [`api: etc/${entry.report} is out of date. Run \`npm run api\` after a build.`];
}

mkdirSync(ETC, { recursive: true });
const entries = publicPackages().flatMap(entriesOf);
const problems = entries.flatMap(report);

const names = entries.map((entry) => entry.report);
for (const name of readdirSync(ETC).filter((file) => !names.includes(file))) {
  if (values.check) problems.push(`api: etc/${name} is of no entry. Run \`npm run api\`.`);
  else rmSync(join(ETC, name));
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
