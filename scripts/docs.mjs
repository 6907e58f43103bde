// Writes what is generated in the documents: the picture and the tree in ARCHITECTURE.md,
// pages of docs, llms.txt and the skill for coding agents. With --check it only says which of them are out of date.
//   tsx scripts/docs.mjs [--check]
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { format, resolveConfig } from 'prettier';

import { listForAgents, packSkill, skillProblems } from './docs/agents.mjs';
import { drawArrows } from './docs/arrows.mjs';
import { describeCommands } from './docs/command-line.mjs';
import { listErrors } from './docs/errors.mjs';
import { drawTree, folderProblems, listFiles, filesWithoutLine } from './docs/tree.mjs';
import { root } from './lib/packages.mjs';

const MAX_ARCHITECTURE_LINES = 150;

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });

const readText = (path) =>
  existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '';

/** Replaces what stands between `<!-- name:begin … -->` and `<!-- name:end -->`. */
function between(text, name, lines) {
  const pattern = new RegExp(`(<!-- ${name}:begin[^>]*-->\n)[^]*?(<!-- ${name}:end -->)`);
  if (!pattern.test(text)) throw new Error(`docs: ARCHITECTURE.md has no markers for ${name}.`);
  return text.replace(pattern, (_all, begin, end) => `${begin}\n${lines.join('\n')}\n\n${end}`);
}

async function architecture() {
  const text = between(readText('ARCHITECTURE.md'), 'arrows', await drawArrows());
  return between(text, 'tree', drawTree());
}

const documents = {
  'ARCHITECTURE.md': await architecture(),
  'docs/command-line-reference.md': describeCommands(),
  'docs/errors.md': listErrors(),
  'docs/files.md': listFiles(),
  'llms.txt': listForAgents(),
  'packages/cli/SKILL.md': packSkill(),
};

const problems = [...folderProblems(), ...skillProblems()];
for (const [path, text] of Object.entries(documents)) {
  const options = await resolveConfig(join(root, path));
  const formatted = await format(text, { ...options, parser: 'markdown' });
  if (formatted !== readText(path)) {
    if (values.check) problems.push(`docs: ${path} is out of date. Run \`npm run docs\`.`);
    else writeFileSync(join(root, path), formatted);
  }
}

const lines = documents['ARCHITECTURE.md'].split('\n').length;
if (lines > MAX_ARCHITECTURE_LINES) {
  problems.push(`docs: ARCHITECTURE.md has ${lines} of at most ${MAX_ARCHITECTURE_LINES} lines.`);
}

for (const path of filesWithoutLine()) {
  problems.push(
    `docs: ${path} has no description. Begin it with a comment that says what it is for.`,
  );
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
