// For coding agents: llms.txt (https://llmstxt.org), and the skill that the command line package ships.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { publicPackages, root } from '../lib/packages.mjs';

const REPOSITORY = 'https://raw.githubusercontent.com/novita-webhooks/novita-webhooks/main';
const SKILL = 'docs/skill.md';

const read = (path) => readFileSync(join(root, path), 'utf8');

const withoutLinks = (text) => text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');

/** The title of a page and the first sentence below it. */
function introduce(path) {
  const [, title = path, rest = ''] = /^# (.+)$([^]*)/m.exec(read(path)) ?? [];
  const [paragraph = ''] = rest.trim().split('\n\n');
  const text = withoutLinks(paragraph).replace(/\s+/g, ' ');
  const [sentence = text] = /^.*?\.(?=\s|$)/.exec(text) ?? [];
  const summary = /^(#|\||```)/.test(sentence) ? '' : `: ${sentence.replace(/:$/, '.')}`;
  return `- [${withoutLinks(title)}](${REPOSITORY}/${path})${summary}`;
}

const pagesIn = (folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md') && `${folder}/${name}` !== SKILL)
    .map((name) => `${folder}/${name}`);

const examples = () =>
  readdirSync(join(root, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `examples/${name}/README.md`);

const packageLine = ({ manifest, dir }) =>
  `- [${manifest.name}](${REPOSITORY}/packages/${dir.split(/[\\/]/).at(-1)}/README.md): ${manifest.description}.`;

/** The text of llms.txt. */
export function listForAgents() {
  return [
    '# novita-webhooks',
    '',
    `> ${JSON.parse(read('package.json')).description}.`,
    '',
    'Written by `npm run docs` from the documents.',
    '',
    ...['## Start', '', `- [README](${REPOSITORY}/README.md): from nothing to the first event.`],
    `- [Skill](${REPOSITORY}/${SKILL}): the rules for code that uses the library, on one page.`,
    '',
    ...['## Docs', '', ...pagesIn('docs').map(introduce), ''],
    ...['## Packages', '', ...publicPackages().map(packageLine), ''],
    ...['## Examples', '', ...examples().map(introduce), ''],
    ...['## Optional', '', ...['ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md'].map(introduce)],
    ...pagesIn('docs/decisions').map(introduce),
  ].join('\n');
}

/** The skill as the package has it: its links lead to the repository. */
export function packSkill() {
  const absolute = (_all, path) => `](${new URL(path, `${REPOSITORY}/docs/`).href})`;
  return read(SKILL).replace(/\]\((?!https?:|#)([^)]+)\)/g, absolute);
}

/** What is wrong with the skill: the form that https://agentskills.io asks for. */
export function skillProblems() {
  const text = read(SKILL);
  const [, front = ''] = /^---\n([^]*?)\n---\n/.exec(text) ?? [];
  const name = /^name: ([a-z0-9-]{1,64})$/m.test(front);
  const description = /^description: .{40,1024}$/m.test(front);
  const problem = `docs: ${SKILL} needs a front matter with a name and a description on one line.`;
  return name && description ? [] : [problem];
}
