// Reads what a source file says of itself.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import ts from 'typescript';

import { root } from '../lib/packages.mjs';

/** The TypeScript files below a folder, by path from the root, folder by folder. */
export const sourceFiles = (folder) =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .toSorted((a, b) => a.isDirectory() - b.isDirectory() || (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return sourceFiles(path);
      return path.endsWith('.ts') ? [path] : [];
    });

export const parse = (path) =>
  ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.Latest, true);

/**
 * The line that describes a file: the first sentence of the comment above its imports or re-exports; otherwise of
 * the export that the file is named after; otherwise of its first doc comment. An empty string
 * where a file has no such comment.
 */
export function describeFile(path) {
  const source = parse(path);
  return firstSentence(headerOf(source) || docOfNamesake(source) || firstDoc(source) || '');
}

/** A comment with an empty line below it, an import or a re-export: it belongs to no declaration. */
function headerOf(source) {
  const [first] = source.statements;
  if (first === undefined) return undefined;
  const text = source.getFullText();
  const ranges = ts.getLeadingCommentRanges(text, 0) ?? [];
  const isDetached = (end) => /^\r?\n\s*\n/.test(text.slice(end));
  const [range] = ranges;
  if (range === undefined) return undefined;
  const end = endOfBlock(ranges, text);
  const isModule = ts.isImportDeclaration(first) || ts.isExportDeclaration(first);
  if (!isModule && !isDetached(end)) return undefined;
  return plain(text.slice(range.pos, end));
}

/** Lines that begin with `//` are one comment. */
function endOfBlock(ranges, text) {
  let [{ end }] = ranges;
  for (const next of ranges.slice(1)) {
    if (text.slice(end, next.pos).trim() !== '' || text.slice(end, next.pos).includes('\n\n'))
      break;
    end = next.end;
  }
  return end;
}

function docOfNamesake(source) {
  const stem = basename(source.fileName, '.ts').replaceAll('-', '').toLowerCase();
  const documented = source.statements
    .filter((statement) => docOf(statement) !== undefined)
    .map((statement) => ({ doc: docOf(statement), names: namesOf(statement) }));
  const find = (isLike) => documented.find(({ names }) => names.some(isLike))?.doc;
  return find((name) => name === stem || name === `create${stem}`) ?? find((n) => n.includes(stem));
}

function namesOf(statement) {
  const declarations = ts.isVariableStatement(statement)
    ? statement.declarationList.declarations
    : [statement];
  return declarations.flatMap(({ name }) => (name ? [name.getText().toLowerCase()] : []));
}

const firstDoc = (source) => source.statements.map(docOf).find((doc) => doc !== undefined);

function docOf(statement) {
  const comments = ts.getJSDocCommentsAndTags(statement).filter(ts.isJSDoc);
  const comment = comments.at(-1);
  return comment === undefined ? undefined : plain(comment.getText());
}

/** The text of a comment: without its stars and slashes, its tags and the braces of its links. */
export const plain = (comment) =>
  comment
    .replace(/^\/\*\*?\s*|\*\/$/g, '')
    .replace(/^[ \t]*(\*|\/\/)[ \t]?/gm, '')
    .split(/^@/m)[0]
    .replace(/\{@link ([^}]+)\}/g, '`$1`')
    .trim();

/** Up to the first full stop, or the end of the first paragraph; without the full stop. */
export const firstSentence = (text) => {
  const [paragraph] = text.split(/\n[ \t]*\n/);
  const [sentence] = paragraph.replace(/\s+/g, ' ').match(/^.*?[.!?:](?=\s+[A-Z`]|$)|^.*$/);
  return sentence.replace(/[.:]$/, '');
};
