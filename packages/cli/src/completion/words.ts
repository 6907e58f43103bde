import type { Candidate, CommandNode } from '../command-tree.ts';

/** A text in single quotes, for a POSIX shell. */
export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Paths of all commands but the program. */
export const pathsOf = (nodes: readonly CommandNode[]): string[] =>
  nodes.map(({ path }) => path).filter((path) => path !== '');

/** What can stand after a command, other than options. */
export const candidatesOf = ({ commands, choices }: CommandNode): readonly Candidate[] => [
  ...commands,
  ...choices.map((word) => ({ word, summary: '' })),
];

/** Branches of a `case` over `<path>:<option>`, for options that take a value. */
export const toValueBranches = (
  nodes: readonly CommandNode[],
  onChoices: (words: readonly string[]) => string,
  onAny: string,
): string[] =>
  nodes.flatMap(({ path, options }) => {
    const withValue = options.filter(({ takesValue }) => takesValue);
    const chosen = withValue.filter(({ choices }) => choices.length > 0);
    const any = withValue.filter(({ choices }) => choices.length === 0);
    const pattern = (words: readonly Candidate[]): string =>
      words.map(({ word }) => quote(`${path}:${word}`)).join('|');
    return [
      ...chosen.map((option) => `${pattern([option])}) ${onChoices(option.choices)} ;;`),
      ...(any.length > 0 ? [`${pattern(any)}) ${onAny} ;;`] : []),
    ];
  });
