import type { CommandNode, OptionNode } from '../command-tree.ts';
import { candidatesOf, pathsOf } from './words.ts';

/** A text in single quotes, for fish. */
const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const toOptionLine = (
  start: string,
  { word, summary, choices, takesValue }: OptionNode,
): string => {
  const values =
    choices.length > 0 ? ` -x -a ${quote(choices.join(' '))}` : takesValue ? ' -r -F' : '';
  return `${start} -l ${word.replace(/^--/, '')}${values} -d ${quote(summary)}`;
};

/** A script for fish. */
export const toFishScript = (name: string, nodes: readonly CommandNode[]): string => {
  const fn = `__${name.replaceAll('-', '_')}_at`;
  const toLines = (node: CommandNode): string[] => {
    const start = `complete -c ${name} -n ${quote(`${fn} ${quote(node.path)}`)}`;
    const candidates = candidatesOf(node).map(
      ({ word, summary }) => `${start} -f -a ${word} -d ${quote(summary)}`,
    );
    return [...candidates, ...node.options.map((option) => toOptionLine(start, option))];
  };
  return `# fish completion of ${name}
function ${fn}
  set -l at
  for word in (commandline -opc)[2..]
    if contains -- (string join ' ' $at $word) ${pathsOf(nodes).map(quote).join(' ')}
      set -a at $word
    end
  end
  test "$at" = "$argv[1]"
end
${nodes.flatMap(toLines).join('\n')}
`;
};
