import type { Candidate, CommandNode } from '../command-tree.ts';
import { candidatesOf, pathsOf, quote, toValueBranches } from './words.ts';

/** `'--json:print JSON'`; a colon in a word is escaped. */
const toItem = ({ word, summary }: Candidate): string =>
  quote(`${word.replaceAll(':', '\\:')}${summary === '' ? '' : `:${summary}`}`);

const toList = (candidates: readonly Candidate[]): string => candidates.map(toItem).join(' ');

const toBranch = (node: CommandNode): string =>
  `${quote(node.path)})
      options=(${toList(node.options)})
      items=(${toList(candidatesOf(node))}) ;;`;

const indent = (lines: readonly string[]): string => lines.map((line) => `    ${line}`).join('\n');

/** A script for zsh. It is loaded after `compinit`, or stands in a folder that zsh searches. */
export const toZshScript = (name: string, nodes: readonly CommandNode[]): string => {
  const fn = `_${name.replaceAll('-', '_')}`;
  const offer = (words: readonly string[]): string =>
    `items=(${words.map(quote).join(' ')}); _describe value items; return`;
  return `#compdef ${name}
${fn}() {
  local at= word
  local -a options items
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${at:+$at }$word" in
    ${pathsOf(nodes).map(quote).join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at:\${words[CURRENT-1]}" in
${indent(toValueBranches(nodes, offer, 'compset -P "sqlite:"; _files; return'))}
  esac
  case "$at" in
${indent(nodes.map(toBranch))}
  esac
  if [[ $PREFIX == -* ]]; then _describe option options
  elif (( $#items )); then _describe command items
  else compset -P 'sqlite:'; _files
  fi
}
if [[ $funcstack[1] == ${fn} ]]; then ${fn} "$@"; else compdef ${fn} ${name}; fi
`;
};
