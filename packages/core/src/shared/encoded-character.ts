const ENTITY_NAMES = { '.': 'period', '?': 'quest', '=': 'equals' } as const;

/**
 * The source of a regular expression (flag `i`) for a character as it is written inside other
 * formats: percent-encoded any number of times, or escaped for HTML, JSON or JavaScript.
 */
export function encodedCharacter(character: keyof typeof ENTITY_NAMES): string {
  const code = character.charCodeAt(0);
  const hex = code.toString(16);
  const html = `&#0*${code};|&#x0*${hex};|&${ENTITY_NAMES[character]};`;
  return String.raw`(?:%(?:25)*${hex}|${html}|\\{1,8}(?:u00|x)${hex})`;
}
