// docs/errors.md: tables of every error code and finding, from the doc comments of their types.
import ts from 'typescript';

import { replies } from '../../packages/core/src/delivery/replies.ts';
import { findingLevels } from '../../packages/core/src/self-check/finding.ts';
import { firstSentence, parse, plain } from './sources.mjs';

const SOURCE = 'packages/core/src/shared/errors.ts';
const FINDINGS = 'packages/core/src/self-check/finding.ts';

/** The string literals of a union type, each with the comment in front of it. */
function membersOf(source, name) {
  const alias = source.statements.find(
    (statement) => ts.isTypeAliasDeclaration(statement) && statement.name.text === name,
  );
  if (alias === undefined) throw new Error(`docs: ${source.fileName} has no type ${name}.`);
  const members = ts.isUnionTypeNode(alias.type) ? alias.type.types : [alias.type];
  let end = alias.type.pos;
  return members.flatMap((member) => {
    const before = source.text.slice(end, member.getStart());
    end = member.end;
    if (!ts.isLiteralTypeNode(member)) return [];
    const comment = /\/\*\*[^]*?\*\//.exec(before)?.[0] ?? '';
    return [{ code: member.literal.text, text: plain(comment) }];
  });
}

const cell = (text) => text.replace(/\s+/g, ' ').replaceAll('|', '\\|').trim();

/** The first sentence is the meaning; the others say what to do. */
function toRow({ code, text }, columns) {
  const meaning = firstSentence(text);
  const remedy = text
    .replace(/\s+/g, ' ')
    .slice(meaning.length)
    .replace(/^[.:]\s*/, '');
  if (meaning === '' || remedy === '') {
    throw new Error(
      `docs: '${code}' needs a doc comment of two sentences: ` + 'what it means, and what to do.',
    );
  }
  return `| ${[`\`${code}\``, ...columns, `${meaning}.`, remedy].map(cell).join(' | ')} |`;
}

const table = (headings, rows) =>
  [`| ${headings.join(' | ')} |`, `| ${headings.map(() => '---').join(' | ')} |`, ...rows].join(
    '\n',
  );

/** The text of docs/errors.md. */
export function listErrors() {
  const source = parse(SOURCE);
  const answered = membersOf(source, 'ReplyCode').filter(({ code }) => replies[code].status >= 400);
  const thrown = membersOf(source, 'WebhookErrorCode');
  return [
    '# Error codes',
    'Every `code` of a `WebhookError`, and of a reply that is not 200. Codes are stable; messages ' +
      'may change.',
    '## Replies to a delivery',
    'The body of such a reply is `application/problem+json` with the code as its `code`.',
    table(
      ['code', 'status', 'meaning', 'what to do'],
      answered.map((member) => toRow(member, [String(replies[member.code].status)])),
    ),
    '## Errors in your code',
    table(
      ['code', 'meaning', 'what to do'],
      thrown.map((member) => toRow(member, [])),
    ),
    '## What `receiver.check()` finds',
    'Each finding is `{ level, code, message }`. The message says what is wrong and what to do, with ' +
      'the values at hand.',
    table(
      ['code', 'level', 'meaning', 'what to do'],
      membersOf(parse(FINDINGS), 'FindingCode').map((member) =>
        toRow(member, [findingLevels[member.code]]),
      ),
    ),
  ].join('\n\n');
}
