import type { Candidate, CommandNode } from '../command-tree.ts';
import { candidatesOf, pathsOf, quote, toValueBranches } from './words.ts';

const join = (candidates: readonly Candidate[]): string =>
  quote(candidates.map(({ word }) => word).join(' '));

const toBranch = (node: CommandNode): string =>
  `${quote(node.path)}) options=${join(node.options)} words=${join(candidatesOf(node))} ;;`;

const indent = (lines: readonly string[]): string => lines.map((line) => `    ${line}`).join('\n');

/**
 * A script for bash 3.2 and later. Needs no bash-completion and starts no process at TAB. `:` and `=` are
 * words of their own there, so files complete also after `sqlite:`.
 */
export const toBashScript = (name: string, nodes: readonly CommandNode[]): string => {
  const fn = `_${name.replaceAll('-', '_')}`;
  const setWords = (words: readonly string[]): string => `words=${quote(words.join(' '))}`;
  return `# bash completion of ${name}
${fn}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" last=$((COMP_CWORD - 1)) path= word options= words=
  if [[ $cur == = ]]; then cur=; elif [[ \${COMP_WORDS[last]} == = ]]; then last=$((last - 1)); fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
    ${pathsOf(nodes).map(quote).join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  COMPREPLY=()
  case "$path:\${COMP_WORDS[last]}" in
${indent(toValueBranches(nodes, setWords, 'return'))}
    *)
      case "$path" in
${indent(nodes.map(toBranch))}
      esac
      if [[ $cur == -* ]]; then words=$options; fi ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F ${fn} ${name}
`;
};
